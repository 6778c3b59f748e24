// The front page: the latest entries as JSON.
export default {
  async fetch(_request, env) {
    const { results } = await env.DB.prepare("SELECT * FROM latest_entries LIMIT 20").all();
    return Response.json(results);
  },
};
