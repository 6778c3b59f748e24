create function public.touch() returns trigger
language plpgsql set search_path = ''
as $touch$
begin
  -- Only what people see counts; a card that is moved is not new.
  if (new.title, new.body, new.due_on) is distinct from (old.title, old.body, old.due_on) then
    new.updated_at := now();
  end if;
  return new;
end;
$touch$;

create trigger touch_cards before update on public.cards
  for each row execute function public.touch();
