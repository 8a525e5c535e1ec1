/** Reading a checkpoint back: its files into the workspace, its parts for an engine. */
import type { CheckpointSource } from '../types/engine.js';
import type { CheckpointRecord } from '../types/store.js';
import { readCheckpointManifest } from './checkpoint-manifest.js';
import type { SessionServices } from './session-services.js';
import { restoreWorkspace, workspacePartPrefix } from './workspace.js';

type Services = Pick<SessionServices, 'store' | 'files' | 'workspace'>;

/** Makes the workspace what it was. @throws storage_error when it cannot be written or what is stored is damaged */
export async function restoreFiles(checkpoint: CheckpointRecord, services: Services): Promise<void> {
  const { store, files, workspace } = services;
  const { workspace: manifest } = readCheckpointManifest(checkpoint);
  if (manifest) await restoreWorkspace(workspace, manifest, (hash) => store.getPart(hash), files);
}

export function sourceOf(checkpoint: CheckpointRecord, { store }: Pick<Services, 'store'>): CheckpointSource {
  return {
    manifest: readCheckpointManifest(checkpoint).engine,
    parts: checkpoint.parts.filter((part) => !part.name.startsWith(workspacePartPrefix)),
    read: (name) => {
      const part = checkpoint.parts.find((candidate) => candidate.name === name);
      if (part) return store.getPart(part.hash);
      return Promise.reject(new Error(`no part "${name}" in checkpoint ${checkpoint.checkpoint_id}`));
    },
  };
}
