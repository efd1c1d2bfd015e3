import { LightningElement, api, wire } from 'lwc';
import { getRecord } from 'lightning/uiRecordApi';
import LOCALE from '@salesforce/i18n/locale';
import TIME_ZONE from '@salesforce/i18n/timeZone';

import { describePriority, FIELDS } from './priority';

/** A record's place in the order of calls, read from its own fields; Salesforce reads them again when they change. */
export default class CallfirstPriority extends LightningElement {
    @api recordId;
    @api objectApiName;

    shown;
    failed = false;

    // A field that is asked for must be visible, or the whole call fails; the id always is.
    get fields() {
        return this.objectApiName && [`${this.objectApiName}.Id`];
    }

    // Ours are optional: a user without the permission set, and an org with our fields on the other object only,
    // gets an answer too. Names, not @salesforce/schema references: those would make the component refuse to
    // deploy where one field is missing.
    get optionalFields() {
        return this.objectApiName && FIELDS.map((name) => `${this.objectApiName}.${name}`);
    }

    @wire(getRecord, { recordId: '$recordId', fields: '$fields', optionalFields: '$optionalFields' })
    receive({ data, error }) {
        this.failed = error !== undefined;
        this.shown = data && describePriority(visibleValues(data.fields), userSettings());
    }

    get noun() {
        return this.objectApiName === 'Opportunity' ? 'opportunity' : 'lead';
    }

    get loading() {
        return this.shown === undefined && !this.failed;
    }

    get hidden() {
        return this.shown?.state === 'hidden';
    }

    get never() {
        return this.shown?.state === 'never';
    }

    get ranked() {
        return this.shown?.state === 'ranked' || this.shown?.state === 'insufficient';
    }

    get badgeClass() {
        return `badge badge-${this.shown.band.letter.toLowerCase()}`;
    }
}

function visibleValues(fields) {
    const visible = FIELDS.filter((name) => fields[name] !== undefined);
    return Object.fromEntries(visible.map((name) => [name, fields[name].value]));
}

function userSettings() {
    return { now: Date.now(), locale: LOCALE, timeZone: TIME_ZONE };
}
