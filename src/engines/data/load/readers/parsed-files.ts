/** Files that are parsed whole: yaml, markdown, bibtex, plain text and excel. */
import type { FoundFile } from '../confined-paths.js';
import type { Frame } from '../frame.js';
import type { DocumentFormat } from '../parsing/jobs.js';
import type { SectionKeys } from '../section-keys.js';
import { frameOfJob } from '../value-frame.js';
import type { Workbench } from '../workbench.js';

export async function readDocument(
  bench: Workbench,
  file: FoundFile,
  format: DocumentFormat,
): Promise<Frame> {
  const files = [{ path: file.path, text: await bench.text(file) }];
  const made = await bench.jobs.run('documents', { format, files, isDirectory: false, added: {} });
  return frameOfJob(bench, made);
}

export async function readExcel(bench: Workbench, file: FoundFile, keys: SectionKeys): Promise<Frame> {
  const made = await bench.jobs.run('excel', {
    bytes: await bench.bytes(file),
    path: file.path,
    sheet: keys.sheet ?? 'Sheet1',
    header: keys.header === undefined ? 0 : keys.header,
  });
  return frameOfJob(bench, made);
}
