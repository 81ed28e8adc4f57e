// Requests to the service's own public API.

import { language, local, t } from "./page";

/** A refusal or failure, in words for a reader. */
export class ApiFailure extends Error {
  constructor(
    message: string,
    /** HTTP status; 0 where no answer came. */
    readonly status: number,
    /** The page that came in place of the one asked for. */
    readonly page?: Document,
  ) {
    super(message);
  }
}

/** Fetches a path of the service. Throws `ApiFailure` for any answer but 2xx, and the abort as it is. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(local(path), { ...init, headers: { "accept-language": language, ...init.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiFailure(
      navigator.onLine
        ? t("The service does not answer. Try again in a moment.", "Le service ne répond pas. Réessayez dans un instant.")
        : t("You are offline.", "Vous êtes hors ligne."),
      0,
    );
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** Fetches JSON. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { headers: { accept: "application/json, application/geo+json" } };
  const response = await request(path, signal ? { ...init, signal } : init);
  return (await response.json()) as T;
}

/** What a type of problem means, in the page's language. */
async function explanation(type: string | undefined): Promise<string | undefined> {
  const code = /\/problems\/([a-z0-9-]+)$/.exec(type ?? "")?.[1];
  if (!code) return undefined;
  try {
    const response = await fetch(local(`/problems/${code}?f=json&lang=${language}`));
    return response.ok ? ((await response.json()) as { explanation?: string }).explanation : undefined;
  } catch {
    return undefined;
  }
}

async function failure(response: Response): Promise<ApiFailure> {
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("json")) {
    const problem = (await response.json()) as { type?: string; detail?: string; title?: string };
    // Details are English; what a problem of this type is, the service says in the page's language.
    const text = (language === "en" ? undefined : await explanation(problem.type)) ?? problem.detail ?? problem.title;
    if (text) return new ApiFailure(text.charAt(0).toUpperCase() + text.slice(1), response.status);
  }
  if (type.startsWith("text/html")) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const text = page.querySelector(".refusal p, .problem-page .lead")?.textContent;
    if (text) return new ApiFailure(text, response.status, page);
  }
  return new ApiFailure(t(`The service answered ${response.status}.`, `Le service a répondu ${response.status}.`), response.status);
}
