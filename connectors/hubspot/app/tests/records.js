// Properties as HubSpot hands them to a card: texts and nulls.

export const NOW = Date.UTC(2026, 10, 26, 12);

export const BOTH_SIDES =
  'For: "proof of concept w/ IT completed" (call, 2026-09-27); ' +
  'Against: "org chartu ploaded, page 2 is upside down" (note, 2026-10-09)';

export const RANKED = {
  callfirst_priority: "A",
  callfirst_score: "94.9",
  callfirst_rank: "2",
  callfirst_call_order: "20",
  callfirst_reason: BOTH_SIDES,
  callfirst_ranked_at: "2026-11-23T02:00:00.000Z",
  callfirst_status: "ranked",
};

export const EMPTY = Object.fromEntries(Object.keys(RANKED).map((name) => [name, null]));
