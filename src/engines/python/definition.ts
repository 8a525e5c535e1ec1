/**
 * The session kind `python`: real CPython, one forked process a session. It locks itself in before it runs user code;
 * the isolation that is told is what this machine was found to give: `sandbox` when every lock holds, else `process`.
 */
import { z } from 'zod';
import { defineEngine } from '../../types/engine.js';
import type { EngineDefinition } from '../../types/engine.js';
import { analyzeData } from './analyze-data.js';
import { complete, inspect } from './introspection.js';
import { KernelHost } from './kernel-host.js';
import { getVariable, installDependencies, listVariables, runScript, setVariable } from './operations.js';
import type { PythonEngineOptions } from './options.js';
import { policyOption } from './policy.js';
import type { Policy } from './policy.js';
import { probePython } from './probe.js';
import { pythonMembers } from './members.js';
import { PythonEngine } from './python-engine.js';
import { allowedProfiles, defaultProfile, isolationGiven } from './sandbox.js';
import type { SandboxOptions } from './sandbox.js';

export type { PythonEngineOptions } from './options.js';
export type { PackageOptions } from './requirements.js';
export type { SandboxOptions } from './sandbox.js';

const sessionOptions = (options: SandboxOptions, policy: Policy) =>
  z.strictObject({
    policy: policyOption(policy),
    sandbox: z.enum(allowedProfiles(options)).default(defaultProfile(options)),
  });
export type PythonSessionOptions = ReturnType<typeof sessionOptions>;

export function pythonEngine(
  options: PythonEngineOptions,
): EngineDefinition<PythonEngine, PythonSessionOptions> {
  const host = new KernelHost(options);
  return defineEngine<PythonEngine, PythonSessionOptions>({
    name: 'python',
    apiVersion: 1,
    capabilities: { execute: true, replay: true, clear: true },
    isolation: ({ sandbox }) => host.isolation(sandbox),
    options: sessionOptions(options.sandbox, options.policy ?? 'open'),
    operations: [listVariables, getVariable, setVariable, complete, inspect, installDependencies, runScript],
    stateless: [analyzeData],
    create: async ({ sandbox, policy }, context) =>
      new PythonEngine(await host.startKernel(context, sandbox), host, context, options).open(policy),
    members: pythonMembers,
    warmUp: () => host.warmUp(),
    describe: () => describePython(options),
    dispose: () => host.dispose(),
  });
}

async function describePython(options: PythonEngineOptions): Promise<Record<string, unknown>> {
  const found = await probePython(options);
  const profile = defaultProfile(options.sandbox);
  const isolation = found.sandbox ? isolationGiven(profile, found.sandbox) : 'process';
  const limited = profile !== 'off' && found.sandbox?.rlimits === true;
  const memory = limited ? `${options.sandbox.memoryBytes} bytes for each process, by rlimit` : 'not limited';
  return { ...found, isolation, memory };
}
