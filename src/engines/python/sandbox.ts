/**
 * What a session may do to the machine: the profiles, the settings that the zygote prepares its sandbox from, and what
 * the zygote found that this machine really gives.
 */
import { z } from 'zod';
import { SojournError } from '../../types/errors.js';
import type { Isolation } from '../../types/session.js';

/** strict: no network, no programs. workspace: both. off: only a process of its own. */
export const sandboxProfiles = ['strict', 'workspace', 'off'] as const;
export type SandboxProfile = (typeof sandboxProfiles)[number];

export interface SandboxOptions {
  /** The profile of sessions that ask for none; `auto` is strict as far as this machine gives it. */
  readonly mode: SandboxProfile | 'auto';
  /** What a session may ask for beside the default. */
  readonly allowed: readonly SandboxProfile[];
  /** First and last uid that sessions get when the server is run by root. */
  readonly uidRange: readonly [number, number];
  /** Folders that every session may read. */
  readonly readOnlyRoots: readonly string[];
  /** What one process may take beyond what it was forked with. */
  readonly memoryBytes: number;
  readonly fileBytes: number;
  /** Processor time of one process; 0 = no limit. */
  readonly cpuS: number;
  /** Processes and threads of one session, where it has a uid of its own. */
  readonly processCount: number;
  /** The folder that all workspaces lie in. */
  readonly workspaces: string;
}

export const sandboxFactsSchema = z.object({
  uid: z.enum(['own', 'shared']),
  landlock_abi: z.number().int().nonnegative(),
  seccomp: z.boolean(),
  no_new_privs: z.boolean(),
  rlimits: z.boolean(),
  /** Kernels with a uid of their own can be forked: the fork gets another one. */
  live_forks: z.boolean(),
  /** Folders that sessions see empty but for what they need. */
  covered: z.array(z.string()),
  /** Why a lock does not hold; empty when all do. */
  missing: z.array(z.string()),
  /** The uids that this zygote may hand out. */
  uids: z.tuple([z.number().int(), z.number().int()]).nullable(),
});
export type SandboxFacts = z.infer<typeof sandboxFactsSchema>;

export const defaultProfile = ({ mode }: SandboxOptions): SandboxProfile =>
  mode === 'auto' ? 'strict' : mode;

/** What a session may ask for, the default among it. */
export const allowedProfiles = (options: SandboxOptions): SandboxProfile[] =>
  sandboxProfiles.filter((name) => name === defaultProfile(options) || options.allowed.includes(name));

/** Where all kernels have their temporary folders. */
export const temporaryRoot = (runDir: string): string => `${runDir}/tmp`;

/** The sandbox's settings as the Python side names them. */
export const sandboxSetup = (options: SandboxOptions, runDir: string) => ({
  uid_range: options.uidRange,
  read_only_roots: options.readOnlyRoots,
  memory_bytes: options.memoryBytes,
  file_bytes: options.fileBytes,
  cpu_s: options.cpuS,
  process_count: options.processCount,
  workspaces: options.workspaces,
  temporary: temporaryRoot(runDir),
});

/** Every lock, and neither network nor programs, or it is no sandbox. */
export const isolationGiven = (profile: SandboxProfile, facts: SandboxFacts): Isolation =>
  profile === 'strict' && facts.missing.length === 0 ? 'sandbox' : 'process';

/** A fork of a living kernel gets a uid of its own, where its parent has one. */
export const canFork = (profile: SandboxProfile, facts: SandboxFacts): boolean =>
  profile === 'off' || facts.uid === 'shared' || (profile === 'strict' && facts.live_forks);

/** @throws engine_unavailable when the configuration demands a sandbox that this machine does not give */
export function assertGiven(profile: SandboxProfile, options: SandboxOptions, facts: SandboxFacts): void {
  if (profile === 'off' || options.mode === 'auto' || facts.missing.length === 0) return;
  throw new SojournError(
    'engine_unavailable',
    `The sandbox '${profile}' is not complete here: ${facts.missing.join('; ')}. Set python.sandbox to auto to go on with less.`,
    { missing: facts.missing },
  );
}
