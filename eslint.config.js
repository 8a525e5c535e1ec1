/**
 * Lint rules: strict typing, the size limits, and the ports (no clock, randomness, timer or environment in src outside
 * the files that own them). Each restriction says what to use instead.
 */
import js from '@eslint/js';
import { globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The only places in src that touch the machine directly. */
const machineFiles = [
  'src/core/system.ts',
  'src/core/config.ts',
  'src/cli/**',
  // The client has no ports: it waits, and starts a server, for the program that uses it.
  'src/client/pause.ts',
  'src/client/auto-start.ts',
];

const machine = [
  ["CallExpression[callee.object.name='Date'][callee.property.name='now']", 'Use IClock.now().'],
  ["NewExpression[callee.name='Date'][arguments.length=0]", 'Use new Date(clock.now()).'],
  ["CallExpression[callee.object.name='performance'][callee.property.name='now']", 'Use IClock.monotonic().'],
  ["CallExpression[callee.object.name='Math'][callee.property.name='random']", 'Use IIds.'],
  ["CallExpression[callee.object.name='crypto'][callee.property.name=/^random/]", 'Use IIds.'],
  ['CallExpression[callee.name=/^(setTimeout|setInterval)$/]', 'Use IClock.setTimer().'],
  [
    "MemberExpression[object.name='process'][property.name='env']",
    'Settings come from core/config.ts: take a slice of it.',
  ],
].map(([selector, message]) => ({ selector, message }));

const restrictedImports = [
  { name: 'node:timers', message: 'Use IClock.setTimer().' },
  { name: 'node:timers/promises', message: 'Use IClock.setTimer().' },
  { name: 'node:process', message: 'Use the ports, or a slice of the configuration.' },
];

const defaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name; only the entry of a plugin has a default export.',
};

export default tseslint.config(
  globalIgnores(['dist/', 'node_modules/', '.dependency-cruiser.cjs']),
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 3],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 6 }],
      complexity: ['error', 15],
      'no-console': 'error',
      'prefer-const': 'error',
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', defaultExport],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Numbers in messages need no ceremony.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // A token and its interface share one name on purpose, and so do a schema's type and its extension point.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: machineFiles,
    rules: {
      'no-restricted-syntax': ['error', defaultExport, ...machine],
      'no-restricted-imports': ['error', { paths: restrictedImports }],
    },
  },
  {
    // A program that uses the client hands it no ports: a random key is the web's own.
    files: ['src/client/**/*.ts'],
    ignores: machineFiles,
    rules: {
      'no-restricted-syntax': [
        'error',
        defaultExport,
        ...machine.filter(({ message }) => message !== 'Use IIds.'),
      ],
    },
  },
  {
    files: ['src/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    // Plugins as small as they can be: the default export is how they are loaded, and the interface is asynchronous.
    files: ['examples/**/*.ts'],
    rules: {
      'no-restricted-syntax': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'src/contracts/**/*.ts'],
    rules: {
      // A describe is one function however many tests it holds; tidy still limits the file.
      'max-lines-per-function': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // What a hook was to set may be missing where the hook failed.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Asking whether an optional member is there is not calling it.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['bench/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        clearInterval: 'readonly',
        console: 'readonly',
        setInterval: 'readonly',
        process: 'readonly',
        performance: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
      },
    },
    rules: { 'max-lines': ['error', { max: 400 }], 'max-lines-per-function': ['error', { max: 70 }] },
  },
);
