/** The typed client of Doorstep: what technicians' and shops' devices hold, and what is done on them. */

export * from "./entities.gen.js";
export * from "./mutations.gen.js";
export * from "./gen/doorstep/field/v1/entity_pb.js";
export { feedOrder, receiptKeys } from "./read.js";
export { uploads } from "./uploads.js";
