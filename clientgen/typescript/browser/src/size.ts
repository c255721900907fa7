// All of the runtime that an app in a browser needs, for its size.

export * from "@doorstep-dev/offline";
export * from "@doorstep-dev/offline/browser";
