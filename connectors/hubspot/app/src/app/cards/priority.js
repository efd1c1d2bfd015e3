// What the card shows, from a record's Callfirst properties alone. Nothing is fetched, and nothing is guessed:
// a value that is missing or is not what Callfirst writes is left out.

export const PROPERTIES = [
  "callfirst_priority",
  "callfirst_score",
  "callfirst_rank",
  "callfirst_call_order",
  "callfirst_reason",
  "callfirst_ranked_at",
  "callfirst_status",
];

// Asked for apart from the others: a portal that has no such properties still shows the rest.
export const OPTIONAL_PROPERTIES = ["callfirst_trend", "callfirst_why_before_next"];

const BANDS = {
  A: { text: "A: call today", variant: "success" },
  B: { text: "B: call next", variant: "warning" },
  C: { text: "C: the rest", variant: "default" },
};

const STATUSES = {
  ranked: { text: "Ranked by your team's own history", variant: "success" },
  base: { text: "Ranked by the general model", variant: "info" },
  insufficient: { text: "Nothing to read yet", variant: "default" },
};

const TRENDS = {
  up: { text: "↑ moved up", variant: "success" },
  flat: { text: "→ no change", variant: "default" },
  down: { text: "↓ moved down", variant: "danger" },
};

const DAY_MS = 24 * 60 * 60 * 1000;

const EVIDENCE = String.raw`"(.+)" \(([^()]+), (\d{4}-\d{2}-\d{2})\)`;
const FOR_AND_AGAINST = new RegExp(`^For: ${EVIDENCE}; Against: ${EVIDENCE}$`);
const ONE_SIDE = new RegExp(`^(For|Against): ${EVIDENCE}$`);

/**
 * Returns what the card shows at the moment `now`, in epoch milliseconds.
 *
 * `state` is "never" (no values yet), "insufficient" (there was nothing to read, so no place is shown) or "ranked".
 */
export function describePriority(properties, now) {
  const read = (name) => asText(properties?.[`callfirst_${name}`]);
  const status = pick(STATUSES, read("status"));
  const rankedAt = describeTime(read("ranked_at"), now);
  const asOf = rankedAt === null ? [] : [{ label: "As of", text: rankedAt }];
  if (status === STATUSES.insufficient) {
    return { state: "insufficient", band: null, status, trend: null, facts: asOf, reason: null, whyBeforeNext: null };
  }

  const band = pick(BANDS, read("priority"));
  const trend = pick(TRENDS, read("trend"));
  const reason = parseReason(read("reason"));
  const whyBeforeNext = read("why_before_next");
  const score = asNumber(read("score"));
  const rank = asPlace(read("rank"));
  const callOrder = asPlace(read("call_order"));
  const facts = [
    ...(score !== null && score >= 0 && score <= 100 ? [{ label: "Chance to be won", text: `${score} of 100` }] : []),
    ...(rank === null ? [] : [{ label: "Rank in stage", text: String(rank) }]),
    ...(callOrder === null ? [] : [{ label: "Call order, all stages", text: String(callOrder) }]),
    ...asOf,
  ];
  const empty = [band, status, trend, reason, whyBeforeNext].every((part) => part === null) && facts.length === 0;
  return { state: empty ? "never" : "ranked", band, status, trend, facts, reason, whyBeforeNext };
}

/**
 * Returns a reason as quotes, each with its side and source, or as one plain text where it has another form
 * (cut at 255 characters, or a plain sentence).
 */
export function parseReason(reason) {
  if (reason === null) {
    return null;
  }
  const both = FOR_AND_AGAINST.exec(reason);
  if (both !== null) {
    const [, pro, proVoice, proDate, contra, contraVoice, contraDate] = both;
    const quotes = [quote("For", pro, proVoice, proDate), quote("Against", contra, contraVoice, contraDate)];
    return { quotes, text: null };
  }
  const one = ONE_SIDE.exec(reason);
  if (one !== null) {
    const [, side, text, voice, date] = one;
    return { quotes: [quote(side, text, voice, date)], text: null };
  }
  return { quotes: [], text: reason };
}

function quote(side, text, voice, date) {
  return { side, text, source: `${voice}, ${date}` };
}

function describeTime(stamp, now) {
  if (stamp === null) {
    return null;
  }
  // HubSpot gives cards a date and time as epoch milliseconds, and its API as ISO 8601.
  const moment = /^\d{9,}$/.test(stamp) ? Number(stamp) : /^\d{4}-/.test(stamp) ? Date.parse(stamp) : NaN;
  if (Number.isNaN(moment) || Number.isNaN(new Date(moment).getTime())) {
    return null;
  }
  const utc = `${new Date(moment).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const days = Math.floor((now - moment) / DAY_MS);
  if (days < 0) {
    return utc;
  }
  const age = days === 0 ? "less than a day ago" : days === 1 ? "1 day ago" : `${days} days ago`;
  return `${utc}, ${age}`;
}

function pick(choices, value) {
  return value !== null && Object.hasOwn(choices, value) ? choices[value] : null;
}

function asText(value) {
  const text = typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : "";
  return text === "" ? null : text;
}

function asNumber(text) {
  return text !== null && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

function asPlace(text) {
  const place = asNumber(text);
  return Number.isInteger(place) && place >= 1 ? place : null;
}
