// Draws the component as reps see it, for docs/images: the files that are deployed, compiled by the vendor's own
// compiler, in the vendor's own style sheet. Only the edge is ours: the record, and the user's settings.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import lwc from '@lwc/rollup-plugin';
import { rollup } from 'rollup';

import { SCENES } from './scenes.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const PAGE = join(HERE, 'page.js');
const COMPONENT = join(HERE, '../force-app/main/default/lwc/callfirstPriority/callfirstPriority.js');
const STYLES = join(
    HERE,
    'node_modules/@salesforce-ux/design-system/assets/styles/salesforce-lightning-design-system.min.css'
);
const IMAGES = join(HERE, '../../../../docs/images');
const BUILD = join(HERE, 'dist');
const CHROMIUM = process.env.CHROMIUM ?? 'chromium';

const STUBS = {
    'lightning/uiRecordApi': 'record-stub.js',
    '@salesforce/i18n/locale': 'locale-stub.js',
    '@salesforce/i18n/timeZone': 'time-zone-stub.js'
};

/** Puts our stand-ins in the places that Salesforce fills in an org. */
const edge = {
    name: 'edge',
    resolveId(name) {
        if (name === 'lwc') {
            // The component's tests have an engine of their own; page and component must meet in one.
            return this.resolve(name, PAGE, { skipSelf: true });
        }
        return STUBS[name] === undefined ? null : join(HERE, STUBS[name]);
    }
};

const bundle = await rollup({
    input: PAGE,
    plugins: [edge, lwc({ rootDir: HERE, modules: [{ name: 'c/callfirstPriority', path: COMPONENT }] })],
    onwarn: (warning) => console.warn(warning.message)
});
const { output } = await bundle.generate({ format: 'iife' });
mkdirSync(BUILD, { recursive: true });
mkdirSync(IMAGES, { recursive: true });

for (const [name, { objectApiName, values, now, width, height }] of Object.entries(SCENES)) {
    const scene = JSON.stringify({ objectApiName, values, now });
    const page = join(BUILD, `${name}.html`);
    writeFileSync(
        page,
        `<!doctype html><html lang="en"><meta charset="utf-8"><title>${name}</title>
<link rel="stylesheet" href="${pathToFileURL(STYLES)}">
<body style="background: #f3f3f3; margin: 0; padding: 12px">
<script>window.process = { env: { NODE_ENV: 'production' } }; window.SCENE = ${scene.replaceAll('<', '\\u003c')}; Date.now = () => window.SCENE.now;</script>
<script>${output[0].code.replaceAll('</script', '<\\/script')}</script></body></html>`
    );
    const options = [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        '--force-device-scale-factor=2',
        `--window-size=${width},${height}`,
        `--screenshot=${join(IMAGES, `${name}.png`)}`
    ];
    execFileSync(CHROMIUM, [...options, String(pathToFileURL(page))], { stdio: 'ignore' });
}
