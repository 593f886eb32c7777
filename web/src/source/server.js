// The source of a page that a local server shows: every answer is one request.

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

export function serverSource(token) {
  async function ask(path, options = {}) {
    const headers = { "X-Papilio-Token": token, ...options.headers };
    let answer;
    try {
      answer = await fetch(`api/${path}`, { ...options, headers });
    } catch {
      throw new Error("The server does not answer. Is papilio explore still running?");
    }
    if (!answer.ok) throw await errorOf(answer);
    return answer;
  }

  const post = (path, body) => ask(path, { method: "POST", body });
  const arrayOf = async (answer) => {
    const type = TYPES[answer.headers.get("X-Dtype")] ?? Float32Array;
    return { data: new type(await answer.arrayBuffer()), shape: (answer.headers.get("X-Shape") ?? "").split(",").map(Number) };
  };

  return {
    note: "",
    about: async () => (await ask("about")).json(),
    array: async (run, name) => {
      try {
        return await arrayOf(await ask(`runs/${run.id}/arrays/${inPath(name)}`));
      } catch (error) {
        if (error.status === 404) return null;
        throw error;
      }
    },
    map: async (run, space, method, onProgress, isWanted) => {
      while (isWanted()) {
        const answer = await ask(`runs/${run.id}/maps/${encodeURIComponent(space)}/${method}`);
        if (answer.status !== 202) {
          const { data } = await arrayOf(answer);
          return { points: data, trust: JSON.parse(answer.headers.get("X-Trust") ?? "null") };
        }
        onProgress(await answer.json());
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      return null;
    },
    images: async (run, indices) => (await arrayOf(await ask(`runs/${run.id}/images?indices=${indices.join(",")}`))).data,
    // "open": whether it takes a user's picture
    can: (run, what) => {
      if (what === "classify") return run.can.includes("classify") || Boolean(run.judge);
      return what === "open" ? run.subject === "images" : run.can.includes(what);
    },
    isGrid: () => false,
    decode: async (run, latents, label) => {
      const query = label === null || label === undefined ? "" : `?label=${label}`;
      return (await arrayOf(await post(`runs/${run.id}/decode${query}`, latents))).data;
    },
    encode: async (run, bytes, space) => {
      const answer = await (await post(`runs/${run.id}/encode?space=${encodeURIComponent(space ?? "latents")}`, bytes)).json();
      const image = Uint8Array.from(atob(answer.image), (one) => one.charCodeAt(0));
      return { ...answer, image, latent: answer.latent && Float32Array.from(answer.latent) };
    },
    nearest: async (run, space, point) => {
      try {
        return await (await ask(`runs/${run.id}/nearest?space=${encodeURIComponent(space)}&point=${point}`)).json();
      } catch (error) {
        if (error.status === 404) return null;
        throw error;
      }
    },
    classify: async (run, images) => (await arrayOf(await post(`runs/${run.id}/classify`, images))).data,
  };
}

/** A name as part of an address: a factor may be called "a/b", "#" or "100%?". */
const inPath = (name) => name.split("/").map(encodeURIComponent).join("/");

async function errorOf(answer) {
  let line = `The server answered with status ${answer.status}.`;
  try {
    line = (await answer.json()).error ?? line;
  } catch {
    // not from Papilio: the status has to do
  }
  return Object.assign(new Error(line), { status: answer.status });
}
