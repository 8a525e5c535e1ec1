/** What a checkpoint of a Python session says of its variables. */
import { z } from 'zod';
import type { StateMember } from '../../types/engine.js';

const text = z.string().max(10_000);
const memberSchema = z
  .union([z.tuple([text, text, z.number(), text]), z.tuple([text, text, z.number(), text, text])])
  .transform(([name, type, size_bytes, fingerprint, preview]): StateMember => ({
    name,
    type,
    size_bytes,
    fingerprint,
    ...(preview === undefined ? {} : { preview }),
  }));
const manifestSchema = z.looseObject({ members: z.array(memberSchema).default([]) });

export const pythonMembers = (manifest: Readonly<Record<string, unknown>>): readonly StateMember[] =>
  manifestSchema.parse(manifest).members;
