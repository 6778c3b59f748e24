// Answers the form of Cloudflare's public D1 API (POST .../d1/database/DATABASE/query, and raw) from
// D1 bindings. Each query is one batch() of the real engine, so it is one transaction; raw takes
// one statement here.

const PATH = /^\/client\/v4\/accounts\/([^/]+)\/d1\/database\/([^/]+)\/(query|raw)$/;

const envelope = (result, errors) => ({
  success: errors.length === 0,
  errors,
  messages: [],
  result,
});

const refuse = (status, code, message) =>
  Response.json(envelope(null, [{ code, message }]), { status });

/** The statements of a request's body: {sql, params}, or {batch: [{sql, params}, ...]}. */
function statements(body) {
  const list = Array.isArray(body.batch) ? body.batch : [body];
  const fine = list.length > 0 && list.every((one) => typeof one.sql === "string");
  return fine ? list : undefined;
}

async function answer(request, form, database) {
  let body;
  try {
    body = await request.json();
  } catch {
    return refuse(400, 7400, "The request is malformed: the body is no JSON");
  }
  const list = statements(body);
  if (!list || (form === "raw" && list.length > 1)) {
    return refuse(400, 7400, "The request is malformed: sql is missing");
  }
  try {
    const bound = list.map(({ sql, params }) => {
      const prepared = database.prepare(sql);
      return params?.length ? prepared.bind(...params) : prepared;
    });
    if (form === "raw") {
      const [columns, ...rows] = await bound[0].raw({ columnNames: true });
      return Response.json(envelope([{ success: true, results: { columns, rows } }], []));
    }
    return Response.json(envelope(await database.batch(bound), []));
  } catch (error) {
    const message = String(error?.message ?? error).replace(/^D1_[A-Z]+: /, "");
    return refuse(400, 7500, message);
  }
}

export default {
  async fetch(request, env) {
    const [, account, id, form] = PATH.exec(new URL(request.url).pathname) ?? [];
    if (request.method !== "POST" || !account) {
      return refuse(404, 7000, "No route for that URI");
    }
    if (request.headers.get("authorization") !== `Bearer ${env.TOKEN}` || account !== env.ACCOUNT) {
      return refuse(403, 10000, "Authentication error");
    }
    const database = env[id];
    if (!database) {
      return refuse(404, 7404, `The database ${id} could not be found`);
    }
    return answer(request, form, database);
  },
};
