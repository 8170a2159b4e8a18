using Sluice.Cli.Workers;

namespace Sluice.Cli.Sessions;

/// <summary>What a line contributes to a session, and what a session looks like when it is written.</summary>
internal static class Visits
{
    public static Visit.Event Event(in PageView view)
    {
        DateTimeOffset seen = new(view.SeenTicks, TimeSpan.Zero);
        return new Visit.Event
        {
            Hits = 1,
            Bytes = view.Bytes,
            Errors = view.IsError ? 1 : 0,
            FirstSeen = seen,
            LastSeen = seen,
            LastPages = new Stamped<string>(view.Page, new DateTimeOffset(view.StampTicks, TimeSpan.Zero)),
            DistinctPages = view.Page,
        };
    }

    public static TracedVisit.Event TracedEvent(PageView view, long line)
    {
        DateTimeOffset seen = new(view.SeenTicks, TimeSpan.Zero);
        return new TracedVisit.Event
        {
            Hits = 1,
            Bytes = view.Bytes,
            Errors = view.IsError ? 1 : 0,
            FirstSeen = seen,
            LastSeen = seen,
            LastPages = new Stamped<string>(view.Page, new DateTimeOffset(view.StampTicks, TimeSpan.Zero)),
            DistinctPages = view.Page,
            Lines = new Stamped<long>(line, seen),
        };
    }

    public static CompletedVisit Of(Completion<Visit> visit) => new()
    {
        Key = visit.Value.Key,
        Generation = visit.Generation,
        IdempotencyKey = visit.IdempotencyKey,
        FencingToken = visit.FencingToken,
        Hits = visit.Value.Hits,
        Bytes = visit.Value.Bytes,
        Errors = visit.Value.Errors,
        FirstSeen = visit.Value.FirstSeen,
        LastSeen = visit.Value.LastSeen,
        LastPages = visit.Value.LastPages,
        DistinctPages = visit.Value.DistinctPages.Count,
        Reason = visit.Reason,
        Attempt = visit.Attempt,
    };

    public static CompletedVisit Of(Completion<TracedVisit> visit) => new()
    {
        Key = visit.Value.Key,
        Generation = visit.Generation,
        IdempotencyKey = visit.IdempotencyKey,
        FencingToken = visit.FencingToken,
        Hits = visit.Value.Hits,
        Bytes = visit.Value.Bytes,
        Errors = visit.Value.Errors,
        FirstSeen = visit.Value.FirstSeen,
        LastSeen = visit.Value.LastSeen,
        LastPages = visit.Value.LastPages,
        DistinctPages = visit.Value.DistinctPages.Count,
        Reason = visit.Reason,
        Attempt = visit.Attempt,
        Lines = visit.Value.Lines,
    };
}
