// Field values as Salesforce hands them to a component, and the user's settings.

export const SETTINGS = { now: Date.UTC(2026, 10, 26, 12), locale: 'en-US', timeZone: 'UTC' };

export const BOTH_SIDES =
    'For: "proof of concept w/ IT completed" (call, 2026-09-27); ' +
    'Against: "org chartu ploaded, page 2 is upside down" (note, 2026-10-09)';

export const RANKED = {
    Callfirst_Priority__c: 'A',
    Callfirst_Score__c: 94.9,
    Callfirst_Rank__c: 2,
    Callfirst_Call_Order__c: 20,
    Callfirst_Reason__c: BOTH_SIDES,
    Callfirst_Ranked_At__c: '2026-11-23T02:00:00.000Z',
    Callfirst_Status__c: 'ranked'
};

export const EMPTY = Object.fromEntries(Object.keys(RANKED).map((name) => [name, null]));

/** Returns a record as Salesforce's wire gives it, with these fields and no others. */
export function record(values, objectApiName = 'Lead') {
    const fields = Object.entries({ Id: '00QKk00000ABCdeMAH', ...values }).map(([name, value]) => [
        name,
        { displayValue: null, value }
    ]);
    return { apiName: objectApiName, id: '00QKk00000ABCdeMAH', fields: Object.fromEntries(fields) };
}
