import { describePriority, parseReason } from '../force-app/main/default/lwc/callfirstPriority/priority';
import { BOTH_SIDES, EMPTY, RANKED, SETTINGS } from './records';

const describeValues = (values) => describePriority(values, SETTINGS);
const fact = (shown, label) => shown.facts.find((each) => each.label === label)?.text;

describe('describePriority', () => {
    test('shows everything that Callfirst writes for reps', () => {
        const shown = describeValues(RANKED);

        expect(shown.state).toBe('ranked');
        expect(shown.band).toEqual({ letter: 'A', text: 'Call today' });
        expect(shown.status.text).toBe("Ranked by your team's own history");
        expect(shown.facts).toEqual([
            { label: 'Chance to be won', text: '94.9 of 100' },
            { label: 'Rank in stage', text: '2' },
            { label: 'Call order, all stages', text: '20' }
        ]);
        expect(shown.reason.quotes.map((quote) => quote.side)).toEqual(['For', 'Against']);
        expect(shown.rankedAt.age).toBe('3 days ago');
    });

    test.each(['A', 'B', 'C'])('knows band %s', (band) => {
        expect(describeValues({ Callfirst_Priority__c: band }).band.letter).toBe(band);
    });

    test.each([
        ['ranked', 'ranked', /your team won and lost/],
        ['base', 'ranked', /has not learned from your team yet/],
        ['insufficient', 'insufficient', /No note, mail, call/]
    ])('explains the status %s', (status, state, explanation) => {
        const shown = describeValues({ ...RANKED, Callfirst_Status__c: status });

        expect(shown.state).toBe(state);
        expect(shown.status.explanation).toMatch(explanation);
    });

    test('shows no place where there was nothing to read', () => {
        const shown = describeValues({ ...RANKED, Callfirst_Status__c: 'insufficient' });

        expect([shown.band, shown.reason, shown.facts]).toEqual([null, null, []]);
        expect(shown.rankedAt).not.toBeNull();
    });

    test.each([
        ['nulls', EMPTY],
        ['empty texts', Object.fromEntries(Object.keys(RANKED).map((name) => [name, '  ']))],
        ['one field that is visible and empty', { Callfirst_Rank__c: null }]
    ])('says that a record with %s was never ranked', (_, values) => {
        expect(describeValues(values).state).toBe('never');
    });

    test('says that the fields are hidden when none of them came', () => {
        expect(describeValues({}).state).toBe('hidden');
    });

    test('shows what it may see when some fields are hidden', () => {
        const shown = describeValues({ Callfirst_Rank__c: 3 });

        expect(shown.state).toBe('ranked');
        expect(shown.facts).toEqual([{ label: 'Rank in stage', text: '3' }]);
    });

    test('leaves out what is of another type than Callfirst writes', () => {
        const shown = describeValues({
            Callfirst_Priority__c: ['A'],
            Callfirst_Score__c: { value: 3 },
            Callfirst_Rank__c: true,
            Callfirst_Call_Order__c: 'first',
            Callfirst_Reason__c: () => 'x',
            Callfirst_Ranked_At__c: 'yesterday',
            Callfirst_Status__c: 'constructor'
        });

        expect(shown.state).toBe('never');
    });

    test.each([-1, 100.1, '1e2', NaN, 'ninety'])('leaves out the score %s', (score) => {
        const shown = describeValues({ ...RANKED, Callfirst_Score__c: score });

        expect(fact(shown, 'Chance to be won')).toBeUndefined();
    });

    test('shows a chance of nought', () => {
        expect(fact(describeValues({ Callfirst_Score__c: 0 }), 'Chance to be won')).toBe('0 of 100');
    });

    test.each([0, -3, 1.5])('leaves out the rank %s', (rank) => {
        expect(fact(describeValues({ ...RANKED, Callfirst_Rank__c: rank }), 'Rank in stage')).toBeUndefined();
    });

    test.each([
        ['2026-11-23T02:00:00.000Z', '3 days ago'],
        ['2026-11-23T02:00:00.000+0000', '3 days ago'],
        ['2026-11-25T09:00:00.000Z', '1 day ago'],
        ['2026-11-26T11:59:59.000Z', 'less than a day ago'],
        ['2026-11-30T00:00:00.000Z', null]
    ])('tells the age of %s', (stamp, age) => {
        expect(describeValues({ Callfirst_Ranked_At__c: stamp }).rankedAt.age).toBe(age);
    });

    test('leaves out a time that does not exist', () => {
        expect(describeValues({ ...RANKED, Callfirst_Ranked_At__c: '2026-13-45' }).rankedAt).toBeNull();
    });

    test("writes numbers and times the user's way", () => {
        const settings = { ...SETTINGS, locale: 'de-DE', timeZone: 'Europe/Berlin' };
        const shown = describePriority({ ...RANKED, Callfirst_Call_Order__c: 1200 }, settings);

        expect(fact(shown, 'Chance to be won')).toBe('94,9 of 100');
        expect(fact(shown, 'Call order, all stages')).toBe('1.200');
        expect(shown.rankedAt.text).toBe('23.11.2026, 03:00');
    });
});

describe('parseReason', () => {
    test('takes both sides apart', () => {
        expect(parseReason(BOTH_SIDES, 'en-US').quotes).toEqual([
            {
                side: 'For',
                text: 'proof of concept w/ IT completed',
                voice: 'call',
                date: '2026-09-27',
                dateText: 'Sep 27, 2026'
            },
            {
                side: 'Against',
                text: 'org chartu ploaded, page 2 is upside down',
                voice: 'note',
                date: '2026-10-09',
                dateText: 'Oct 9, 2026'
            }
        ]);
    });

    test('takes one side, quotation marks inside the quote included', () => {
        const { quotes } = parseReason('Against: "he said "not now" (again)" (customer email, 2026-10-24)', 'en-US');

        expect(quotes.map(({ side, text, voice }) => [side, text, voice])).toEqual([
            ['Against', 'he said "not now" (again)', 'customer email']
        ]);
    });

    test('shows a day that does not exist as it was written', () => {
        expect(parseReason('For: "signed" (note, 2026-13-45)', 'en-US').quotes[0].dateText).toBe('2026-13-45');
    });

    test.each(['No text moves this lead much.', BOTH_SIDES.slice(0, -5), 'For: "" (note, 2026-10-09)'])(
        'shows %j as it stands',
        (reason) => {
            expect(parseReason(reason, 'en-US')).toEqual({ quotes: [], text: reason });
        }
    );
});
