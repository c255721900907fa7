import { App } from "./app.js";

window.app = new App();
