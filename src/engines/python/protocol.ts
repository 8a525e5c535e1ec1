/** Every message that a kernel, its copy or the zygote may send, checked before anything is believed. */
import { z } from 'zod';
import {
  executionErrorSchema,
  mimeBundleSchema,
  mimeMetadataSchema,
  notKeptSchema,
  resultStatusSchema,
} from '../../types/events.js';
import { sandboxFactsSchema } from './sandbox.js';

export const helloSchema = z.object({
  t: z.literal('hello'),
  role: z.enum(['kernel', 'copy']),
  secret: z.string().min(32).max(200),
});

/** The kernel's first words after its hello: what could not be closed of its sandbox, or null. */
export const kernelReadySchema = z.object({ t: z.literal('ready'), failed: z.string().nullable() });

export const kernelMessageSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('stdout') }),
  z.object({ t: z.literal('stderr') }),
  z.object({
    t: z.literal('display'),
    data: mimeBundleSchema,
    metadata: mimeMetadataSchema.optional(),
    display_id: z.string().min(1).max(200).optional(),
    update: z.boolean().optional(),
  }),
  z.object({
    t: z.literal('result'),
    data: mimeBundleSchema,
    metadata: mimeMetadataSchema.optional(),
  }),
  z.object({ t: z.literal('clear_output'), wait: z.boolean() }),
  z.object({
    t: z.literal('input_request'),
    id: z.number().int(),
    prompt: z.string().max(100_000),
    password: z.boolean(),
  }),
  z.object({ t: z.literal('reply'), id: z.number().int(), value: z.unknown() }),
  z.object({
    t: z.literal('failed'),
    id: z.number().int(),
    code: z.string(),
    detail: z.string().max(10_000),
    /** Of an exception of the session's code, or the name of a variable; anything else is dropped. */
    fields: z.object({
      name: z.string().optional(),
      message: z.string().optional(),
      traceback: z.string().optional(),
    }),
  }),
]);
export type KernelMessage = z.infer<typeof kernelMessageSchema>;

export const executeReplySchema = z.object({
  status: resultStatusSchema.exclude(['timeout']),
  /** Codes are the server's to give. */
  error: executionErrorSchema.omit({ code: true }).nullable(),
  should_exit: z.boolean(),
  /** True when an interrupt reached the run, whatever the run made of it. */
  interrupted: z.boolean(),
  execution_count: z.number().int().nullable(),
  variable_count: z.number().int(),
});
export type ExecuteReply = z.infer<typeof executeReplySchema>;

export const scriptReplySchema = z.object({
  returncode: z.number().int().nullable(),
  interrupted: z.boolean(),
});

const threads = z.array(z.string()).max(1000);
/** `threads` of the user stay behind in a copy. */
export const captureReplySchema = z.object({ pid: z.number().int().positive(), threads });
export const forkReplySchema = z.object({
  pid: z.number().int().positive(),
  threads,
});
export const restoreReplySchema = z.object({ not_kept: z.array(notKeptSchema) });

const packageNameSchema = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?$/);
const packageVersionSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+!-]{0,99}$/);
const packageSchema = z.object({ name: packageNameSchema, version: packageVersionSchema });
const packagesMax = 2000;

/** What a session has in its own folder. */
export const presentReplySchema = z.object({
  packages: z.array(packageSchema.extend({ header: z.string().max(65_536) })).max(packagesMax),
});
export const resolveReplySchema = z.object({
  /** Why pip cannot be used here. */
  problem: z.string().max(1000).nullable(),
  returncode: z.number().int(),
  wanted: z.array(packageSchema.extend({ url: z.string().max(10_000).nullable() })).max(packagesMax),
});
export const stageReplySchema = z.object({
  returncode: z.number().int(),
  installed: z.array(packageSchema).max(packagesMax),
});
/** Modules that the session had imported before they were installed. */
export const adoptReplySchema = z.object({ loaded: z.array(z.string().max(200)).max(10_000) });

export const copyMessageSchema = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('part'),
    name: z.string().min(1).max(100_000),
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    size: z.number().int().nonnegative(),
  }),
  z.object({ t: z.literal('bytes') }),
  z.object({
    t: z.literal('manifest'),
    manifest: z.record(z.string(), z.unknown()),
    not_kept: z.array(notKeptSchema),
    variable_count: z.number().int().nonnegative(),
  }),
  z.object({ t: z.literal('broken'), detail: z.string() }),
  /** `closed`: pipes and sockets that led somewhere. */
  z.object({ t: z.literal('frozen'), closed: z.number().int().nonnegative() }),
]);
export type CopyMessage = z.infer<typeof copyMessageSchema>;

/** What the server reads of a manifest: which parts the kernel will want. */
export const manifestPartsSchema = z.looseObject({
  groups: z.array(z.looseObject({ part: z.string() })).optional(),
});

const pid = z.number().int().positive();
export const zygoteReportSchema = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('ready'),
    python: z.string(),
    executable: z.string(),
    preloaded: z.array(z.string()),
    missing: z.record(z.string(), z.string()),
    /** False when kernels of an earlier server still hold the lock. */
    lock: z.boolean(),
    sandbox: sandboxFactsSchema,
  }),
  z.object({ event: z.literal('unfit'), detail: z.string() }),
  z.object({ event: z.literal('forked'), id: z.number().int(), pid }),
  z.object({ event: z.literal('refused'), id: z.number().int(), detail: z.string() }),
  z.object({ event: z.literal('connected'), id: z.number().int() }),
  z.object({ event: z.literal('found'), id: z.number().int(), pid }),
  z.object({ event: z.literal('released'), id: z.number().int() }),
  z.object({ event: z.literal('given'), id: z.number().int() }),
  z.object({ event: z.literal('signalled'), id: z.number().int(), sent: z.boolean() }),
  z.object({
    event: z.literal('exit'),
    pid,
    code: z.number().int().nullable(),
    signal: z.string().nullable(),
  }),
]);
export type ZygoteReport = z.infer<typeof zygoteReportSchema>;

export const probeSchema = z.object({
  executable: z.string(),
  version: z.string(),
  packages: z.record(z.string(), z.string()),
  fork: z.boolean(),
  sandbox: sandboxFactsSchema.nullable(),
});
