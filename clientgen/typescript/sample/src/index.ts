/** The client of another trade: people who walk a route and read meters. */

export * from "./entities.gen.js";
export * from "./mutations.gen.js";
export * from "./gen/meter/v1/meter_pb.js";
