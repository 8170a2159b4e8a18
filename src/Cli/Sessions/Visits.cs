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

    public static CompletedVisit Of(Completion<Visit> visit) => Of(visit, visit.Value);

    public static CompletedVisit Of(Completion<TracedVisit> visit) => Of(visit, visit.Value) with { Lines = visit.Value.Lines };

    private static CompletedVisit Of<TVisit>(Completion<TVisit> completion, IVisit visit)
        where TVisit : class
    {
        return new CompletedVisit
        {
            Key = visit.Key,
            Generation = completion.Generation,
            IdempotencyKey = completion.IdempotencyKey,
            FencingToken = completion.FencingToken,
            Hits = visit.Hits,
            Bytes = visit.Bytes,
            Errors = visit.Errors,
            FirstSeen = visit.FirstSeen,
            LastSeen = visit.LastSeen,
            LastPages = visit.LastPages,
            DistinctPages = visit.DistinctPages.Count,
            Reason = completion.Reason,
            Attempt = completion.Attempt,
        };
    }
}
