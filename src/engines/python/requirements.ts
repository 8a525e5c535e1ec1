/**
 * What may be asked of pip: the text of a requirement, the names that the configuration lets in, and the options that
 * say where packages come from.
 */
import { SojournError } from '../../types/errors.js';

/** How packages may be installed. */
export interface PackageOptions {
  /** Names; when there are any, nothing else is installed. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Requirements may name an address instead of a version. */
  readonly allowUrls: boolean;
  /** Default: PyPI, or none where there are folders. */
  readonly indexUrl?: string | undefined;
  readonly extraIndexUrls: readonly string[];
  /** Folders with packages. */
  readonly findLinks: readonly string[];
  readonly proxy?: string | undefined;
}

const name = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?';
const extras = `(?:\\s*\\[\\s*${name}(?:\\s*,\\s*${name})*\\s*\\])?`;
const clause = '(?:===|==|~=|!=|<=|>=|<|>)\\s*[A-Za-z0-9][A-Za-z0-9._*+!-]*';
const requirementPattern = new RegExp(`^(${name})${extras}\\s*(?:${clause}(?:\\s*,\\s*${clause})*)?$`);
const addressPattern = new RegExp(`^(?:(${name})${extras}\\s*@\\s*)?(?:git\\+)?https?://[!-~]+$`);

/** One name for all its spellings: `Ruamel.YAML` is `ruamel-yaml`. */
export const normalName = (text: string): string => text.replace(/[-_.]+/g, '-').toLowerCase();

/**
 * Checks what pip will be told, before it is started.
 * @throws invalid_params for what is no requirement · forbidden for an address or a name that is not let in
 */
export function assertRequirements(texts: readonly string[], options: PackageOptions): void {
  const names: string[] = [];
  for (const text of texts) {
    const plain = requirementPattern.exec(text.trim());
    const address = plain ? null : addressPattern.exec(text.trim());
    if (!plain && !address) {
      const detail = `'${text}' is no requirement such as name, name[extra] or name>=1.0,<2.`;
      throw new SojournError('invalid_params', detail, { package: text });
    }
    if (address && !options.allowUrls) {
      const detail = `Packages are not installed from addresses here; packages.allow_urls allows it.`;
      throw new SojournError('forbidden', detail);
    }
    const found = plain?.[1] ?? address?.[1];
    if (found !== undefined) names.push(found);
  }
  assertLetIn(names, options);
}

/** @throws forbidden with the names that the configuration keeps out */
export function assertLetIn(names: readonly string[], { allow, deny }: PackageOptions): void {
  const allowed = new Set(allow.map(normalName));
  const denied = new Set(deny.map(normalName));
  const kept = [...new Set(names.map(normalName))].filter(
    (candidate) => denied.has(candidate) || (allowed.size > 0 && !allowed.has(candidate)),
  );
  if (kept.length === 0) return;
  const setting = kept.some((candidate) => denied.has(candidate)) ? 'packages.deny' : 'packages.allow';
  const detail = `Not let in here: ${kept.join(', ')} (${setting}); nothing was installed.`;
  throw new SojournError('forbidden', detail, { packages: kept });
}

/** Where packages come from, as options of pip. */
export function sourceOptions({ indexUrl, extraIndexUrls, findLinks, proxy }: PackageOptions): string[] {
  const foldersOnly = indexUrl === undefined && extraIndexUrls.length === 0 && findLinks.length > 0;
  return [
    ...(foldersOnly ? ['--no-index'] : []),
    ...(indexUrl === undefined ? [] : ['--index-url', indexUrl]),
    ...extraIndexUrls.flatMap((url) => ['--extra-index-url', url]),
    ...findLinks.flatMap((folder) => ['--find-links', folder]),
    ...(proxy === undefined ? [] : ['--proxy', proxy]),
  ];
}

/** User names and passwords in addresses, in every spelling in which pip or a build may show them. */
export function secretsOf({ indexUrl, extraIndexUrls, proxy }: PackageOptions): string[] {
  const addresses = [indexUrl, ...extraIndexUrls, proxy].filter((address) => address !== undefined);
  const found = addresses.flatMap((address) => {
    const info = /^[^/]*\/\/([^/@]+)@/.exec(address)?.[1];
    if (info === undefined) return [];
    const [user = '', ...password] = info.split(':');
    // Without a password the user name is the token.
    const secret = password.length > 0 ? password.join(':') : user;
    return [info, secret, decoded(secret)];
  });
  // A whole one is replaced before what is a part of it.
  return [...new Set(found)].filter((secret) => secret !== '').sort((a, b) => b.length - a.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // It was not encoded.
    return text;
  }
}
