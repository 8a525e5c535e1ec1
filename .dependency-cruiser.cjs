/**
 * The layers: imports point down only. types < core < storage, engines, contracts < managers < api, advanced, client
 * < the files directly in src, which compose (app.ts alone knows the container) < cli. test/gates.test.ts runs these rules on src and proves each
 * of them with a planted violation. Every comment says what to do instead.
 */

/** All of src but the given folders and files. */
const except = (...allowed) => `^src/(?!(${allowed.join('|')}))`;
const layer = (name, from, allowed, comment) => ({
  name,
  severity: 'error',
  comment,
  from,
  to: { path: except(...allowed) },
});

module.exports = {
  forbidden: [
    layer(
      'types-import-nothing',
      { path: '^src/types/' },
      ['types/'],
      'Types come first: move what you need into types/, or declare an interface there and have it injected.',
    ),
    layer(
      'core-imports-types',
      { path: '^src/core/' },
      ['types/', 'core/'],
      'Core knows no plugin and no manager: declare an interface in types/ and take it as a constructor parameter.',
    ),
    layer(
      'storage-imports-core',
      { path: '^src/storage/' },
      ['types/', 'core/', 'storage/'],
      'A store is a plugin: what it needs from above comes through the options of create().',
    ),
    layer(
      'engines-import-core',
      { path: '^src/engines/' },
      ['types/', 'core/', 'engines/'],
      'An engine is a plugin: it never sees the store or a manager; what it needs comes through EngineContext.',
    ),
    {
      name: 'engines-stand-alone',
      severity: 'error',
      comment:
        'Engines never import each other: put what two of them share into core/, or go through an operation.',
      from: { path: '^src/engines/([^/]+)/' },
      to: { path: '^src/engines/', pathNot: '^src/engines/$1/' },
    },
    layer(
      'contracts-import-types',
      { path: '^src/contracts/' },
      ['types/', 'contracts/'],
      'Contract suites are a product for plugin authors: they see interfaces only, from types/.',
    ),
    {
      name: 'contracts-need-no-framework',
      severity: 'error',
      comment:
        'Use node:assert, node:crypto, zod and the runner that is handed in, so that every test framework can run the suite.',
      from: { path: '^src/contracts/' },
      to: {
        dependencyTypesNot: ['local', 'type-only'],
        pathNot: '^(node:)?(assert(/strict)?|crypto)$|node_modules/zod/',
      },
    },
    layer(
      'managers-import-core',
      { path: '^src/managers/' },
      ['types/', 'core/', 'managers/'],
      'Managers get engines, stores and transports injected: take the interface from types/.',
    ),
    layer(
      'api-imports-core',
      { path: '^src/api/' },
      ['types/', 'core/', 'api/'],
      'A transport projects the catalogue: take the interface of a manager from types/, never its class.',
    ),
    layer(
      'advanced-imports-core',
      { path: '^src/advanced/' },
      ['types/', 'core/', 'advanced/'],
      'Advanced features extend through events and operations: take the interface of a manager from types/.',
    ),
    layer(
      'client-imports-types',
      { path: '^src/client/', pathNot: '^src/client/auto-start\\.ts$' },
      ['types/', 'client/'],
      'The client also runs in browsers: share shapes through types/; what starts a server belongs to auto-start.ts.',
    ),
    layer(
      'auto-start-imports-process-manager',
      { path: '^src/client/auto-start\\.ts$' },
      ['types/', 'core/', 'client/', 'managers/process-manager\\.ts$', 'managers/data-directory\\.ts$'],
      'auto-start.ts may start a server through the process manager and nothing else.',
    ),
    {
      name: 'client-without-node',
      severity: 'error',
      comment:
        'The client also runs in browsers: use web standards (fetch, URL); node: belongs to auto-start.ts.',
      from: { path: '^src/client/', pathNot: '^src/client/auto-start\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    layer(
      'cli-imports-client',
      { path: '^src/cli/' },
      [
        'types/',
        'core/',
        'client/',
        'cli/',
        'managers/process-manager\\.ts$',
        'managers/data-directory\\.ts$',
        '[^/]+\\.ts$',
      ],
      'Commands are thin: go through client/, or through server.ts to serve.',
    ),
    {
      name: 'nothing-imports-cli',
      severity: 'error',
      comment: 'Nothing stands on the command line: move what you need down.',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'only-app-knows-the-container',
      severity: 'error',
      comment: 'Classes are plain: take interfaces as constructor parameters and bind the class in app.ts.',
      from: { path: '^src/', pathNot: '^src/app\\.ts$' },
      to: { path: '(^|node_modules/)(inversify|@inversifyjs|reflect-metadata)(/|$)' },
    },
    {
      name: 'ports-are-injected',
      severity: 'error',
      comment:
        'Take IClock, IIds, IFiles, ISpawner or ILog as a parameter; only the composition root knows the real ones.',
      from: { path: '^src/', pathNot: '^src/([^/]+\\.ts$|cli/|core/system\\.ts$|client/auto-start\\.ts$)' },
      to: { path: '^src/core/system\\.ts$' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Two files that need each other are one thing, or share a third: move the common part down.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'What is imported must be there and be named in package.json.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'src-needs-no-development-package',
      severity: 'error',
      comment: 'Move the package to dependencies: who installs Sojourn does not get the development ones.',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: 'node_modules/@types/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
