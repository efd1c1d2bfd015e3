/** Stands in for Salesforce's wire: answers at once with the scene's record. */
export class getRecord {
    constructor(receive) {
        this.receive = receive;
    }

    connect() {}

    update() {
        const fields = Object.entries(window.SCENE.values).map(([name, value]) => [name, { value }]);
        this.receive({ data: { fields: Object.fromEntries(fields) }, error: undefined });
    }

    disconnect() {}
}
