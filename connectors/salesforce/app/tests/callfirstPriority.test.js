import { createElement } from 'lwc';
import { getRecord } from 'lightning/uiRecordApi';

import CallfirstPriority from 'c/callfirstPriority';
import { EMPTY, RANKED, record } from './records';

const RECORD_ID = '00QKk00000ABCdeMAH';

function place(objectApiName = 'Lead') {
    const element = createElement('c-callfirst-priority', { is: CallfirstPriority });
    element.recordId = RECORD_ID;
    element.objectApiName = objectApiName;
    document.body.appendChild(element);
    return element;
}

async function show(values, objectApiName = 'Lead') {
    const element = place(objectApiName);
    getRecord.emit(record(values, objectApiName));
    await Promise.resolve();
    return element.shadowRoot;
}

const text = (root, selector) => root.querySelector(selector)?.textContent.replace(/\s+/g, ' ').trim();
const texts = (root, selector) => [...root.querySelectorAll(selector)].map((node) => node.textContent.trim());
const headings = (root) => texts(root, 'h2, h3');

beforeEach(() => {
    jest.useFakeTimers({ now: Date.UTC(2026, 10, 26, 12), doNotFake: ['queueMicrotask'] });
});

afterEach(() => {
    document.body.replaceChildren();
    jest.useRealTimers();
});

test.each(['Lead', 'Opportunity'])('shows a ranked %s with its quotes', async (objectApiName) => {
    const root = await show(RANKED, objectApiName);

    expect(text(root, '.badge')).toBe('A');
    expect(text(root, '.band')).toBe('Priority A: Call today');
    expect(text(root, '.status')).toBe("Ranked by your team's own history");
    expect(texts(root, 'dt')).toEqual(['Chance to be won', 'Rank in stage', 'Call order, all stages']);
    expect(texts(root, 'dd')).toEqual(['94.9 of 100', '2', '20']);
    expect(texts(root, 'blockquote')).toEqual([
        '“proof of concept w/ IT completed”',
        '“org chartu ploaded, page 2 is upside down”'
    ]);
    expect(text(root, 'figcaption')).toBe('For: call, Sep 27, 2026');
    expect([...root.querySelectorAll('time')].map((node) => node.getAttribute('datetime'))).toEqual([
        '2026-09-27',
        '2026-10-09',
        '2026-11-23T02:00:00.000Z'
    ]);
    expect(text(root, '.ranked-at')).toMatch(/^As of Nov \d+, 2026, .*, 3 days ago\. Written anew only/);
});

test('says that there is nothing to read yet, and shows no place', async () => {
    const root = await show({ ...RANKED, Callfirst_Priority__c: 'C', Callfirst_Status__c: 'insufficient' });

    expect(text(root, '.status')).toBe('Nothing to read yet');
    expect(root.querySelector('.badge, dl, figure')).toBeNull();
    expect(text(root, '.ranked-at')).toMatch(/^As of/);
});

test.each([
    ['Lead', 'Callfirst has not ranked this lead yet'],
    ['Opportunity', 'Callfirst has not ranked this opportunity yet']
])('says that a %s without values was not ranked yet', async (objectApiName, heading) => {
    const root = await show(EMPTY, objectApiName);

    expect(headings(root)).toEqual(['Callfirst', heading]);
});

test('tells a user who may not see the fields which permission set is missing', async () => {
    const root = await show({});

    expect(headings(root)).toEqual(['Callfirst', 'You cannot see the Callfirst fields']);
    expect(root.textContent).toContain('Callfirst Reader');
});

test('shows a plain reason whole', async () => {
    const reason = `For: "${'budget approved, '.repeat(20)}`.slice(0, 255);
    const root = await show({ ...RANKED, Callfirst_Reason__c: reason });

    expect(text(root, '.reason')).toBe(reason);
});

test('shows markup in a reason as text', async () => {
    const reason = 'For: "<a href=x>call me</a><img src=x>" (customer email, 2026-10-24)';
    const root = await show({ ...RANKED, Callfirst_Reason__c: reason });

    expect(text(root, 'blockquote')).toBe('“<a href=x>call me</a><img src=x>”');
    expect(root.querySelector('a, img')).toBeNull();
});

test('leaves out the band, the status and the age where they are missing', async () => {
    const root = await show({ Callfirst_Rank__c: 3, Callfirst_Ranked_At__c: '2026-11-30T00:00:00.000Z' });

    expect(root.querySelector('.badge, .status, figure')).toBeNull();
    expect(texts(root, 'dd')).toEqual(['3']);
    expect(text(root, '.ranked-at')).not.toContain('ago');
});

test('waits while the record loads', () => {
    const root = place().shadowRoot;

    expect(text(root, '[role="status"]')).toBe('Reading the Callfirst fields…');
});

test("says so when the record cannot be read, without the error's own words", async () => {
    const element = place();
    getRecord.error({ message: 'jane@acme.example' });
    await Promise.resolve();

    expect(text(element.shadowRoot, '[role="alert"] h3')).toBe('This lead could not be read');
    expect(element.shadowRoot.querySelector('[role="status"]')).toBeNull();
    expect(element.shadowRoot.textContent).not.toContain('jane');
});

test('recovers when the record can be read again', async () => {
    const element = place();
    getRecord.error({ message: 'gone' });
    await Promise.resolve();
    getRecord.emit(record(RANKED));
    await Promise.resolve();

    expect(element.shadowRoot.querySelector('[role="alert"]')).toBeNull();
    expect(text(element.shadowRoot, '.badge')).toBe('A');
});

test('asks for the id, and for its own fields as optional ones only', async () => {
    await show(RANKED, 'Opportunity');

    expect(getRecord.getLastConfig()).toEqual({
        recordId: RECORD_ID,
        fields: ['Opportunity.Id'],
        optionalFields: Object.keys(RANKED).map((name) => `Opportunity.${name}`)
    });
});

test('names its region and numbers its headings without a gap', async () => {
    const root = await show(RANKED);
    const article = root.querySelector('article');

    expect(article.getAttribute('aria-labelledby')).toBe(root.querySelector('h2').id);
    expect([...root.querySelectorAll('h1, h2, h3, h4')].map((node) => node.tagName)).toEqual(['H2', 'H3', 'H3']);
    expect(root.querySelector('.badge').getAttribute('aria-hidden')).toBe('true');
});
