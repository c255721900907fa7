// All of the runtime that an app in a browser begins with, for its size. The black box is apart: an app fetches it in an emergency.

export * from "@doorstep-dev/offline";
export * from "@doorstep-dev/offline/browser";
export * from "@doorstep-dev/offline/codes";
