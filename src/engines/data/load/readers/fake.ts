/** Made-up rows: people, places and dates by generators of a known name. */
import type { Frame } from '../frame.js';
import { loadErrors } from '../load-errors.js';
import { isRecord, plainText } from '../parsed-value.js';
import type { ParsedValue } from '../parsed-value.js';
import { generatorNames, isGenerator } from '../parsing/fake-generators.js';
import type { FakeColumn } from '../parsing/fake-generators.js';
import type { SectionKeys } from '../section-keys.js';
import { frameOfJob } from '../value-frame.js';
import type { Workbench } from '../workbench.js';

const cellsMax = 5_000_000;

/** @throws interface_invalid for what is missing or unknown */
export async function readFake(bench: Workbench, keys: SectionKeys): Promise<Frame> {
  const { nrows, cols, seed } = keys;
  if (nrows === undefined) throw loadErrors.invalid('"fake" specified in config but missing "nrows" key.');
  if (cols === undefined) throw loadErrors.invalid('"fake" specified in config but missing "cols" key.');
  if (typeof nrows !== 'number' || !Number.isSafeInteger(nrows) || nrows < 0)
    throw loadErrors.invalid('"nrows" must be a non-negative integer.');
  const columns = columnsOf(cols);
  if (nrows * columns.length > cellsMax)
    throw loadErrors.invalid(`"fake" makes at most ${cellsMax} cells; ask for fewer rows.`);
  return frameOfJob(bench, await bench.jobs.run('fake', { rows: nrows, columns, seed: seed ?? null }));
}

function columnsOf(cols: ParsedValue): FakeColumn[] {
  if (Array.isArray(cols)) {
    const names = cols.map(plainText);
    const unknown = names.filter((name) => !isGenerator(name));
    if (unknown.length > 0) throw unknownGenerators('a list', unknown);
    return [...new Set(names)].flatMap((name) => (isGenerator(name) ? [{ name, generator: name }] : []));
  }
  if (!isRecord(cols))
    throw loadErrors.invalid(
      `"fake" specified as the type, but "cols" must be a dictionary of columns and generators, or a list of ${generatorNames.join(', ')}.`,
    );
  const entries = Object.entries(cols).map(([name, generator]) => ({
    name,
    generator: plainText(generator),
  }));
  const unknown = entries
    .filter(({ generator }) => !isGenerator(generator))
    .map(({ generator }) => generator);
  if (unknown.length > 0) throw unknownGenerators('a dictionary', unknown);
  return entries.flatMap(({ name, generator }) => (isGenerator(generator) ? [{ name, generator }] : []));
}

const unknownGenerators = (given: string, names: readonly string[]) =>
  loadErrors.invalid(
    `"fake" specified as the type and columns are provided as ${given}, but the following columns are not attributes of lynguine.util.fake.Generate: "${names.join('", "')}"`,
  );
