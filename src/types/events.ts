/**
 * What a session's journal is made of. The journal is append-only and gap-free: history, streaming, catch-up,
 * audit and recovery all read these events and nothing else. Readers skip types that they do not know.
 */
import { z } from 'zod';

export const mimeBundleSchema = z.record(z.string(), z.unknown());
/** Mime type to content: text as text, binary as base64, JSON as JSON. */
export type MimeBundle = z.infer<typeof mimeBundleSchema>;
/** What else is known of a shown value: mime type to facts such as `{width: 300}`, or a fact of the whole. */
export const mimeMetadataSchema = z.record(z.string(), z.unknown());

export const executionErrorSchema = z.object({
  name: z.string(),
  message: z.string(),
  traceback: z.string(),
  /** A code of the error table where it was not the user's code that failed. */
  code: z.string().optional(),
});
export type ExecutionError = z.infer<typeof executionErrorSchema>;

export const resultStatusSchema = z.enum(['ok', 'error', 'timeout', 'interrupted']);
export type ResultStatus = z.infer<typeof resultStatusSchema>;

export const epochCauseSchema = z.enum([
  'server_restarted',
  'hibernated',
  'restarted',
  'kernel_died',
  'out_of_memory',
  'hard_timeout',
  'interrupt_escalated',
  'storage_error',
  'forked',
  'moved',
]);
export type EpochCause = z.infer<typeof epochCauseSchema>;

export const notKeptSchema = z.object({ name: z.string(), type: z.string(), reason: z.string() });
export type NotKept = z.infer<typeof notKeptSchema>;

/** Which input an output belongs to; absent when it came while nothing was running (threads, timers). */
const outputFields = { input_seq: z.number().int().optional() };

const bodies = [
  z.object({ type: z.literal('created'), kind: z.string(), owner: z.string() }),
  /** All events before this one are those of another session, up to its `from_seq`. */
  z.object({
    type: z.literal('forked'),
    from_session_id: z.string(),
    from_seq: z.number().int(),
    /** The whole live state came along, not only what a checkpoint keeps. */
    live: z.boolean(),
    /** What did not come along. */
    not_kept: z.array(notKeptSchema),
  }),
  z.object({
    type: z.literal('input'),
    operation: z.string(),
    params: z.record(z.string(), z.unknown()),
    principal: z.string(),
    client_id: z.string().optional(),
    idempotency_key: z.string().optional(),
    /** False: recovery never runs this input again; its effect is in a checkpoint. */
    replay: z.boolean().optional(),
  }),
  z.object({ type: z.literal('stdout'), text: z.string(), ...outputFields }),
  z.object({ type: z.literal('stderr'), text: z.string(), ...outputFields }),
  z.object({
    type: z.literal('display'),
    data: mimeBundleSchema,
    metadata: mimeMetadataSchema.optional(),
    /** Names the display, so that it can be updated. */
    display_id: z.string().optional(),
    /** True: it takes the place of what was shown under its id. */
    update: z.boolean().optional(),
    ...outputFields,
  }),
  z.object({
    type: z.literal('execute_result'),
    data: mimeBundleSchema,
    metadata: mimeMetadataSchema.optional(),
    ...outputFields,
  }),
  /** What the run has shown up to here is to go; with `wait` only once it shows something else. */
  z.object({ type: z.literal('clear_output'), wait: z.boolean(), ...outputFields }),
  /** How far long work is; `fraction` is a part of 1 where that is known. */
  z.object({
    type: z.literal('progress'),
    message: z.string(),
    fraction: z.number().nullable(),
    ...outputFields,
  }),
  z.object({ type: z.literal('input_request'), prompt: z.string(), password: z.boolean(), ...outputFields }),
  /** The answer to the request that was journaled at `input_id`. */
  z.object({
    type: z.literal('input_reply'),
    input_id: z.number().int(),
    /** Left out when there was none to keep: the end of input, or a password. */
    value: z.string().optional(),
    /** True: a password was given, and is not kept. */
    password: z.boolean().optional(),
    ...outputFields,
  }),
  /** Output over the journal's limit: `bytes` of `stream` came here and are not in the journal. */
  z.object({
    type: z.literal('truncated'),
    stream: z.string(),
    bytes: z.number().int(),
    /** They are kept beside the journal, up to this place of their file, for `get_output`. Without it they are gone. */
    spill_end: z.number().int().optional(),
    ...outputFields,
  }),
  z.object({
    type: z.literal('result'),
    input_seq: z.number().int(),
    status: resultStatusSchema,
    duration_ms: z.number(),
    /** The operation's own answer, or what the engine says of an execution. */
    value: z.unknown().optional(),
    error: executionErrorSchema.nullable().optional(),
    /** Why an input has no answer of its own, e.g. the server died while it ran. */
    reason: z.string().optional(),
    /**
     * From here on the state is that of another moment: what was written in between is on another branch. Null where
     * the session was asked to go there and stayed.
     */
    moved: z
      .object({
        to_seq: z.number().int(),
        /** Where it was restored from; null where the session began with nothing. */
        checkpoint_id: z.string().nullable(),
        /** Inputs that were run again after that. */
        replayed: z.array(z.number().int()),
      })
      .nullable()
      .optional(),
  }),
  /** What became of a share of the session; its state is the same as before. */
  z.object({
    type: z.literal('share'),
    share_id: z.string(),
    /** `used`: for the first time, or again after an hour or more. */
    action: z.enum(['created', 'used', 'revoked']),
    mode: z.enum(['readonly', 'readwrite']),
    /** Who did it; who uses a share is called `share:` and its id. */
    principal: z.string(),
    expires_at: z.string().nullable().optional(),
  }),
  z.object({
    type: z.literal('epoch'),
    epoch: z.number().int(),
    cause: epochCauseSchema,
    /** Facts on the death of the former incarnation: signal, exit code, peak and limit in bytes. */
    details: z.record(z.string(), z.unknown()).optional(),
    restored_seq: z.number().int().nullable(),
    /** Inputs that were run again to get here. */
    replayed: z.array(z.number().int()),
    /** Inputs whose effect is gone. */
    lost: z.array(z.number().int()),
    not_kept: z.array(notKeptSchema),
  }),
] as const;

export const eventBodySchema = z.discriminatedUnion('type', bodies);
/** An event before the journal has given it a place. */
export type SessionEventBody = z.infer<typeof eventBodySchema>;

const placeSchema = z.object({ session_id: z.string(), seq: z.number().int().nonnegative(), at: z.string() });
export const sessionEventSchema = placeSchema.and(eventBodySchema);
/** One journal event: `seq` from 0 without gaps, `at` ISO 8601 UTC. */
export type SessionEvent = z.infer<typeof placeSchema> & SessionEventBody;

/** What concerns a session and not its state. */
export type SideEventBody = Extract<SessionEventBody, { type: 'share' }>;

/** False of events that leave the state as it was: what was known of it before them still holds. */
export const isContent = ({ type }: Pick<SessionEventBody, 'type'>): boolean =>
  type !== 'epoch' && type !== 'share';

export type OutputEventBody = Extract<
  SessionEventBody,
  { type: 'stdout' | 'stderr' | 'display' | 'execute_result' | 'clear_output' | 'progress' | 'truncated' }
>;
