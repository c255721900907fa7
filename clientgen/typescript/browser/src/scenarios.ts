// The page that plays scenarios on disks in IndexedDB.

import { downgrade, play, type Scenario, type Storage } from "@doorstep-dev/conformance";
import { DexieDisk } from "@doorstep-dev/offline/browser";

declare global {
  interface Window {
    play: (scenario: Scenario, harness: string) => Promise<void>;
  }
}

const storage: Storage = {
  open: (name) => new DexieDisk(name),
  async downgrade(name) {
    const disk = new DexieDisk(name);
    await downgrade(disk);
    await disk.close();
  },
};

window.play = (scenario, harness) => play(scenario, harness, storage);
