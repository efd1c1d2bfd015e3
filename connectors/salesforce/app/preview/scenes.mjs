// What is drawn: field values as Callfirst writes them, of a lead that does not exist.

const NOW = Date.UTC(2026, 10, 26, 12);

export const SCENES = {
    'salesforce-priority': {
        objectApiName: 'Lead',
        values: {
            Callfirst_Priority__c: 'A',
            Callfirst_Score__c: 87.4,
            Callfirst_Rank__c: 1,
            Callfirst_Call_Order__c: 3,
            Callfirst_Reason__c:
                'For: "Budget is approved, they want to sign before the end of the year." (customer email, 2026-11-24); ' +
                'Against: "IT still has to look at the data protection agreement." (call, 2026-11-19)',
            Callfirst_Ranked_At__c: '2026-11-25T03:00:00.000Z',
            Callfirst_Status__c: 'ranked'
        },
        now: NOW,
        width: 440,
        height: 386
    },
    'salesforce-priority-empty': {
        objectApiName: 'Lead',
        values: { Callfirst_Priority__c: null, Callfirst_Ranked_At__c: null },
        now: NOW,
        width: 440,
        height: 122
    }
};
