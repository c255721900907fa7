// Scenarios as they are written.

/** One file of sync/conformance/scenarios. */
export interface Scenario {
  /** What holds, in one sentence. */
  readonly says: string;
  /** What a client must be able to do beyond the protocol itself. */
  readonly needs: readonly string[];
  /** Goes to the harness as it is. */
  readonly setup: unknown;
  readonly phones: Readonly<Record<string, PhonePlan>>;
  /** For a phone where one is named, else for the harness. */
  readonly steps: readonly Step[];
}

/** How a phone is set up. */
export interface PhonePlan {
  /** What it asks for in a page; left to the server when absent. */
  readonly page_bytes?: number;
  /** The phone of which this one is a second tab. */
  readonly beside?: string;
}

/** One step of a phone. */
export interface Step {
  readonly phone?: string;
  readonly do?: string;
  readonly user?: string;
  readonly kind?: string;
  readonly item?: string;
  readonly other?: string;
  readonly holder?: string;
  readonly bytes?: number;
  readonly from?: string;
  readonly text?: string;
  readonly fails?: string;
  readonly ahead?: string;
  readonly shows?: Readonly<Record<string, number>>;
  readonly shown?: number;
  readonly early?: boolean;
  readonly unsent?: number;
  readonly verdicts?: readonly string[];
  readonly files?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** What the harness answers to a new world. */
export interface Welcome {
  readonly id: string;
  /** The address for its phones. */
  readonly url: string;
  readonly org: string;
  readonly users: Readonly<Record<string, string>>;
  readonly items: Readonly<Record<string, string>>;
}
