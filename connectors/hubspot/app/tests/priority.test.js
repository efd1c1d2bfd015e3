import { describe, expect, test } from "vitest";

import { describePriority, parseReason } from "../src/app/cards/priority.js";
import { BOTH_SIDES, NOW, RANKED } from "./records.js";

const fact = (shown, label) => shown.facts.find((each) => each.label === label)?.text;

describe("describePriority", () => {
  test("shows everything that Callfirst writes", () => {
    const shown = describePriority(RANKED, NOW);

    expect(shown.state).toBe("ranked");
    expect(shown.band.text).toBe("A: call today");
    expect(shown.status.text).toBe("Ranked by your team's own history");
    expect(shown.facts).toEqual([
      { label: "Chance to be won", text: "94.9 of 100" },
      { label: "Rank in stage", text: "2" },
      { label: "Call order, all stages", text: "20" },
      { label: "As of", text: "2026-11-23 02:00 UTC, 3 days ago" },
    ]);
    expect(shown.trend).toBeNull();
    expect(shown.whyBeforeNext).toBeNull();
  });

  test.each(["A", "B", "C"])("knows band %s", (band) => {
    expect(describePriority({ callfirst_priority: band }, NOW).band.text).toMatch(new RegExp(`^${band}: `));
  });

  test("shows trend and why_before_next when they have values", () => {
    const shown = describePriority(
      { ...RANKED, callfirst_trend: "up", callfirst_why_before_next: 'They wrote "budget approved".' },
      NOW,
    );

    expect(shown.trend.text).toBe("↑ moved up");
    expect(shown.whyBeforeNext).toBe('They wrote "budget approved".');
  });

  test("shows no place where there was nothing to read", () => {
    const shown = describePriority({ ...RANKED, callfirst_status: "insufficient", callfirst_trend: "up" }, NOW);

    expect(shown.state).toBe("insufficient");
    expect([shown.band, shown.trend, shown.reason, shown.whyBeforeNext]).toEqual([null, null, null, null]);
    expect(shown.facts.map((each) => each.label)).toEqual(["As of"]);
  });

  test.each([
    ["no properties", {}],
    ["nothing at all", undefined],
    ["nulls", Object.fromEntries(Object.keys(RANKED).map((name) => [name, null]))],
    ["empty texts", Object.fromEntries(Object.keys(RANKED).map((name) => [name, "  "]))],
  ])("says that a record with %s was never ranked", (_, properties) => {
    expect(describePriority(properties, NOW).state).toBe("never");
  });

  test("leaves out what is of another type than Callfirst writes", () => {
    const shown = describePriority(
      {
        callfirst_priority: ["A"],
        callfirst_score: { value: 3 },
        callfirst_rank: true,
        callfirst_call_order: "first",
        callfirst_reason: 12n,
        callfirst_ranked_at: "yesterday",
        callfirst_status: "constructor",
        callfirst_trend: "__proto__",
        callfirst_why_before_next: () => "x",
      },
      NOW,
    );

    expect(shown.state).toBe("never");
  });

  test.each(["-1", "100.1", "1e2", "NaN", "ninety"])("leaves out the score %s", (score) => {
    expect(fact(describePriority({ ...RANKED, callfirst_score: score }, NOW), "Chance to be won")).toBeUndefined();
  });

  test.each(["0", "-3", "1.5"])("leaves out the rank %s", (rank) => {
    expect(fact(describePriority({ ...RANKED, callfirst_rank: rank }, NOW), "Rank in stage")).toBeUndefined();
  });

  test("reads numbers that arrive as numbers", () => {
    const shown = describePriority({ callfirst_score: 0, callfirst_rank: 7 }, NOW);

    expect(fact(shown, "Chance to be won")).toBe("0 of 100");
    expect(fact(shown, "Rank in stage")).toBe("7");
  });

  test.each([
    ["2026-11-23T02:00:00.000Z", "2026-11-23 02:00 UTC, 3 days ago"],
    [String(Date.UTC(2026, 10, 25, 9)), "2026-11-25 09:00 UTC, 1 day ago"],
    [String(NOW - 1), "2026-11-26 11:59 UTC, less than a day ago"],
    ["2026-11-30T00:00:00Z", "2026-11-30 00:00 UTC"],
    ["99999999999999999999", undefined],
    ["2026-13-45", undefined],
  ])("reads the time %s", (stamp, text) => {
    expect(fact(describePriority({ callfirst_rank: "1", callfirst_ranked_at: stamp }, NOW), "As of")).toBe(text);
  });
});

describe("parseReason", () => {
  test("takes both sides apart", () => {
    expect(parseReason(BOTH_SIDES)).toEqual({
      quotes: [
        { side: "For", text: "proof of concept w/ IT completed", source: "call, 2026-09-27" },
        { side: "Against", text: "org chartu ploaded, page 2 is upside down", source: "note, 2026-10-09" },
      ],
      text: null,
    });
  });

  test("takes one side, quotation marks inside the quote included", () => {
    const { quotes } = parseReason('Against: "he said "not now" (again)" (customer email, 2026-10-24)');

    expect(quotes).toEqual([
      { side: "Against", text: 'he said "not now" (again)', source: "customer email, 2026-10-24" },
    ]);
  });

  test.each(["No text moves this lead much.", `${BOTH_SIDES.slice(0, -5)}`, 'For: "" (note, 2026-10-09)'])(
    "shows %j as it stands",
    (reason) => {
      expect(parseReason(reason)).toEqual({ quotes: [], text: reason });
    },
  );
});
