// What the component shows, from a record's Callfirst fields alone. Nothing is fetched, and nothing is guessed:
// a value that is missing or is not what Callfirst writes is left out.

export const FIELDS = [
    'Callfirst_Priority__c',
    'Callfirst_Score__c',
    'Callfirst_Rank__c',
    'Callfirst_Call_Order__c',
    'Callfirst_Reason__c',
    'Callfirst_Ranked_At__c',
    'Callfirst_Status__c'
];

const BANDS = {
    A: { letter: 'A', text: 'Call today' },
    B: { letter: 'B', text: 'Call next' },
    C: { letter: 'C', text: 'The rest' }
};

const STATUSES = {
    ranked: {
        text: "Ranked by your team's own history",
        explanation: 'The order rests on the leads that your team won and lost.'
    },
    base: {
        text: 'Ranked by the general model',
        explanation: 'Callfirst has not learned from your team yet: the order rests on what tells at other teams.'
    },
    insufficient: {
        text: 'Nothing to read yet',
        explanation: 'No note, mail, call, meeting or task was there to read, so no place is shown.'
    }
};

const DAY_MS = 24 * 60 * 60 * 1000;

const EVIDENCE = String.raw`"(.+)" \(([^()]+), (\d{4}-\d{2}-\d{2})\)`;
const FOR_AND_AGAINST = new RegExp(`^For: ${EVIDENCE}; Against: ${EVIDENCE}$`);
const ONE_SIDE = new RegExp(`^(For|Against): ${EVIDENCE}$`);

/**
 * Returns what the component shows of the field values that the user may see.
 *
 * `now` is in epoch milliseconds; `locale` and `timeZone` are the user's. `state` is "hidden" (none of our fields can
 * be seen), "never" (no values yet), "insufficient" (there was nothing to read, so no place is shown) or "ranked".
 */
export function describePriority(values, { now, locale, timeZone }) {
    const read = (name) => asText(values[`Callfirst_${name}__c`]);
    const status = pick(STATUSES, read('Status'));
    const rankedAt = describeTime(read('Ranked_At'), { now, locale, timeZone });
    if (status === STATUSES.insufficient) {
        return { state: 'insufficient', band: null, facts: [], reason: null, status, rankedAt };
    }
    const band = pick(BANDS, read('Priority'));
    const reason = parseReason(read('Reason'), locale);
    const facts = [
        describeScore(read('Score'), locale),
        describePlace('Rank in stage', read('Rank'), locale),
        describePlace('Call order, all stages', read('Call_Order'), locale)
    ].filter((fact) => fact !== null);
    const empty = [band, status, reason, rankedAt].every((part) => part === null) && facts.length === 0;
    const hidden = !FIELDS.some((name) => values[name] !== undefined);
    return { state: hidden ? 'hidden' : empty ? 'never' : 'ranked', band, facts, reason, status, rankedAt };
}

/**
 * Returns a reason as quotes, each with its side, source and date, or as one plain text where it has another form
 * (cut at 255 characters, or a plain sentence).
 */
export function parseReason(reason, locale) {
    if (reason === null) {
        return null;
    }
    const both = FOR_AND_AGAINST.exec(reason);
    if (both !== null) {
        const [, pro, proVoice, proDate, contra, contraVoice, contraDate] = both;
        const quotes = [
            describeQuote('For', pro, proVoice, proDate, locale),
            describeQuote('Against', contra, contraVoice, contraDate, locale)
        ];
        return { quotes, text: null };
    }
    const one = ONE_SIDE.exec(reason);
    if (one !== null) {
        const [, side, text, voice, date] = one;
        return { quotes: [describeQuote(side, text, voice, date, locale)], text: null };
    }
    return { quotes: [], text: reason };
}

function describeQuote(side, text, voice, date, locale) {
    return { side, text, voice, date, dateText: formatDay(date, locale) };
}

// A day that does not exist is shown as it was written.
function formatDay(date, locale) {
    const moment = new Date(`${date}T00:00:00Z`);
    if (Number.isNaN(moment.getTime())) {
        return date;
    }
    return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(moment);
}

function describeScore(text, locale) {
    const score = asNumber(text);
    if (score === null || score < 0 || score > 100) {
        return null;
    }
    const shown = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(score);
    return { label: 'Chance to be won', text: `${shown} of 100` };
}

function describePlace(label, text, locale) {
    const place = asNumber(text);
    if (!Number.isInteger(place) || place < 1) {
        return null;
    }
    return { label, text: new Intl.NumberFormat(locale).format(place) };
}

function describeTime(stamp, { now, locale, timeZone }) {
    const moment = stamp !== null && /^\d{4}-/.test(stamp) ? Date.parse(stamp) : NaN;
    if (Number.isNaN(moment)) {
        return null;
    }
    const format = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone });
    const days = Math.floor((now - moment) / DAY_MS);
    const age = days < 0 ? null : days === 0 ? 'less than a day ago' : days === 1 ? '1 day ago' : `${days} days ago`;
    return { stamp, text: format.format(moment), age };
}

function pick(choices, value) {
    return value !== null && Object.hasOwn(choices, value) ? choices[value] : null;
}

function asText(value) {
    const text = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
    return text === '' ? null : text;
}

function asNumber(text) {
    return text !== null && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}
