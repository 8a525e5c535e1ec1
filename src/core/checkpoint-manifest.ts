/** What a checkpoint's manifest holds beside the engine's own part: the workspace, and inputs that still waited. */
import { z } from 'zod';
import type { CheckpointRecord } from '../types/store.js';
import { workspaceManifestSchema } from './workspace.js';

const checkpointManifestSchema = z.object({
  engine: z.record(z.string(), z.unknown()),
  workspace: workspaceManifestSchema.nullable(),
  /** Journaled inputs whose turn had not come. */
  pending: z.array(z.number().int()),
  /** Inputs whose effect is in the checkpoint although their results came after it. */
  applied: z.array(z.number().int()).default([]),
});
export type CheckpointManifest = z.infer<typeof checkpointManifestSchema>;

export const readCheckpointManifest = (checkpoint: CheckpointRecord): CheckpointManifest =>
  checkpointManifestSchema.parse(checkpoint.manifest);
