/** SPIN and Rumur find what we find on dma-core: the same states and transitions, on models written apart. */
import { expect, test } from "vitest";
import { dmaCore, dmaCoreScope } from "../../checker/examples/dma-core.ts";
import { explore, instantiate } from "../../checker/index.ts";
import { isInstalled, type PeerName, runPeer } from "./run.ts";

const peers: readonly PeerName[] = ["spin", "rumur"];

for (const peer of peers) {
  const installed = isInstalled(peer);
  if (!installed) console.warn(`!!! ${peer} is not installed: nothing is compared with it !!!`);
  test.skipIf(!installed).each(["2x2x2", "3x2x2"])(`${peer} agrees on dma-core %s`, async (instance) => {
    const { states, transitions } = await explore(instantiate(dmaCore(), dmaCoreScope(instance)));
    expect(runPeer(peer, instance)).toMatchObject({ states, transitions });
  });
}
