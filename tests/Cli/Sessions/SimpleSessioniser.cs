using System.Globalization;

namespace Sluice.Cli.Tests.Sessions;

/// <summary>One session, as a sessioniser sees it.</summary>
internal sealed record SimpleSession(
    string Key, long Hits, long Bytes, long Errors, DateTimeOffset FirstSeen, DateTimeOffset LastSeen, string LastPages, long DistinctPages)
{
    /// <summary>Everything but the number of distinct pages, which the engine estimates.</summary>
    public string Exact => string.Create(
        CultureInfo.InvariantCulture, $"{Key} {Hits} {Bytes} {Errors} {FirstSeen.UtcDateTime:s} {LastSeen.UtcDateTime:s} {LastPages}");
}

/// <summary>
/// What the tool must arrive at, in the plainest code: one pass, one dictionary. The clock is the running maximum of the log's times; a session
/// ends when the clock reaches the earlier of its first line plus the hard limit and its latest line plus the soft one, where lines count at the
/// clock's time when they were read. Pages of one second are ordered by line.
/// </summary>
internal static class SimpleSessioniser
{
    public static List<SimpleSession> Sessions(IEnumerable<LogHit> hits, TimeSpan? soft, TimeSpan? hard, Func<LogHit, string>? keyOf = null)
    {
        List<SimpleSession> sessions = [];
        Dictionary<string, (DateTimeOffset Created, DateTimeOffset Merged, List<LogHit> Hits)> open = [];
        DateTimeOffset clock = DateTimeOffset.MinValue;
        foreach (LogHit hit in hits)
        {
            clock = hit.Time > clock ? hit.Time : clock;
            string key = keyOf is null ? hit.Client : keyOf(hit);
            if (open.TryGetValue(key, out var session) && (clock - session.Created >= hard || clock - session.Merged >= soft))
            {
                sessions.Add(Close(key, session.Hits));
                open.Remove(key);
            }

            if (!open.TryGetValue(key, out session))
                session = (clock, clock, []);
            session.Hits.Add(hit);
            open[key] = (session.Created, clock, session.Hits);
        }

        sessions.AddRange(open.Select(static pair => Close(pair.Key, pair.Value.Hits)));
        return sessions;
    }

    private static SimpleSession Close(string key, List<LogHit> hits) => new(
        key,
        hits.Count,
        hits.Sum(static hit => hit.Bytes),
        hits.Count(static hit => hit.Status >= 400),
        hits.Min(static hit => hit.Time),
        hits.Max(static hit => hit.Time),
        string.Join(' ', hits.OrderByDescending(static hit => hit.Time).ThenByDescending(static hit => hit.Line).Take(10).Select(static hit => hit.Page)),
        hits.Select(static hit => hit.Page).Distinct().Count());
}
