alter table public.cards add column search tsvector
  generated always as (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', body), 'B')
  ) stored;

create index cards_search on public.cards using gin (search);

create function public.search_cards(words text) returns setof public.cards
language sql stable
as $$
  select * from public.cards
  where search @@ websearch_to_tsquery('english', words)
  order by ts_rank(search, websearch_to_tsquery('english', words)) desc, id
  limit 50;
$$;
