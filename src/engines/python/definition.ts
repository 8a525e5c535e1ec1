/**
 * The session kind `python`: real CPython, one forked process a session. Isolation is that of a process of its own:
 * own group and session, clean environment, no core files, first to go when memory runs out; no more than that.
 */
import { z } from 'zod';
import { defineEngine } from '../../types/engine.js';
import type { EngineDefinition } from '../../types/engine.js';
import { KernelHost } from './kernel-host.js';
import { getVariable, listVariables, runScript, setVariable } from './operations.js';
import type { PythonEngineOptions } from './options.js';
import { probePython } from './probe.js';
import { PythonEngine } from './python-engine.js';

export type { PythonEngineOptions } from './options.js';

const sessionOptions = z.strictObject({});

export function pythonEngine(
  options: PythonEngineOptions,
): EngineDefinition<PythonEngine, typeof sessionOptions> {
  const host = new KernelHost(options);
  return defineEngine<PythonEngine, typeof sessionOptions>({
    name: 'python',
    apiVersion: 1,
    capabilities: { execute: true, replay: true, clear: true },
    isolation: 'process',
    options: sessionOptions,
    operations: [listVariables, getVariable, setVariable, runScript],
    create: async (_options, context) =>
      new PythonEngine(await host.startKernel(context), host, context, options).open(),
    warmUp: () => host.warmUp(),
    describe: () => probePython(options),
    dispose: () => host.dispose(),
  });
}
