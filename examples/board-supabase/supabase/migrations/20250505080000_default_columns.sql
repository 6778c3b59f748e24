create function public.add_default_columns() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.columns (board_id, title, position)
  select new.id, title, ordinality
  from unnest(array['To do; later', 'Doing', 'Done']) with ordinality as t (title, ordinality);
  return new;
end;
$$;

create trigger default_columns after insert on public.boards
  for each row execute function public.add_default_columns();

-- Rollback
-- drop trigger default_columns on public.boards;
-- drop function public.add_default_columns();
