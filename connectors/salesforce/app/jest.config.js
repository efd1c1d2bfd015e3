const { jestConfig } = require('@salesforce/sfdx-lwc-jest/config');

module.exports = {
    ...jestConfig,
    testMatch: ['<rootDir>/tests/**/*.test.js'],
    collectCoverageFrom: ['force-app/**/lwc/**/*.js'],
    coverageReporters: ['text'],
    coverageThreshold: { global: { branches: 100, functions: 100, lines: 100 } }
};
