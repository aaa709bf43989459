import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress, parseAddress } from "./address.ts";

const word = fc.string({ minLength: 1 });
const switches = fc.array(fc.stringMatching(/^[a-z-]+$/), { maxLength: 3 });

test("law: an address leads back to what it was made of", () => {
  const address = fc
    .record({
      target: fc.record({
        design: word,
        scenario: word,
        size: word,
        powersOff: switches,
        assumptionsOff: switches,
      }),
      initial: fc.nat(9),
      path: fc.array(fc.nat(5000), { maxLength: 100 }),
    })
    .chain((route) => fc.record({ route: fc.constant(route), cursor: fc.nat(route.path.length) }));
  fc.assert(
    fc.property(address, (given) => {
      expect(parseAddress(formatAddress(given))).toEqual(given);
    }),
  );
});

test("what names no model is no address; a place beyond the path is its end", () => {
  expect(parseAddress("")).toBeNull();
  expect(parseAddress("#design=pv")).toBeNull();
  expect(parseAddress("#design=a&scenario=b&size=c&path=1.2&at=9")?.cursor).toBe(2);
});
