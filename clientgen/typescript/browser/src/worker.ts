// The app's service worker.

import { Client } from "@doorstep-dev/offline";
import { openStore, sendInBackground } from "@doorstep-dev/offline/browser";

import { options, storeName } from "./app.js";

sendInBackground(async () => new Client((await openStore(storeName, options)).store));
