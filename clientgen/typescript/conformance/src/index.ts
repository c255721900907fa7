/** Plays the scenarios of sync/conformance with the TypeScript client; sync/conformance/README.md says what they mean. */

export { downgrade, memory, Phone, type Storage } from "./phone.js";
export { play } from "./runner.js";
export type { Scenario, Welcome } from "./scenario.js";
