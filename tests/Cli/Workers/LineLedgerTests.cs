using System.Text;
using Sluice.Cli.Sessions;
using Sluice.Cli.Workers;

namespace Sluice.Cli.Tests.Workers;

/// <summary>What became of the lines that lost workers held is read from the sessions, and only what can be explained is called exact.</summary>
public sealed class LineLedgerTests
{
    private readonly LineLedger _ledger = new();

    // A line that had arrived would be handed out again and counted twice; one that had not would be missing.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Lines_that_arrived_are_not_handed_out_again_and_the_others_are(int arrived)
    {
        HandedLine[] held = [Line(10, "a", 100), Line(11, "a", 200), Line(12, "a", 300)];
        _ledger.Acknowledge("a"u8, 50, isError: false);
        _ledger.Lose(held);
        _ledger.Complete(Session("a", 1 + arrived, 50 + held.Take(arrived).Sum(static line => line.Bytes)));
        Assert.Equal(held.Skip(arrived), _ledger.Resolve());
        foreach (HandedLine line in held.Skip(arrived))
        {
            _ledger.Acknowledge("a"u8, line.Bytes, isError: false);
            _ledger.Complete(Session("a", 1, line.Bytes));
        }

        LineReport report = Report();
        Assert.Equal((true, 4L, (long)arrived, 3L - arrived), (report.IsExact, report.Completed, report.Arrived, report.HandedOutAgain));
    }

    [Fact]
    public void What_two_lost_workers_held_of_one_key_is_told_apart_by_its_bytes()
    {
        HandedLine[] first = [Line(1, "a", 1), Line(2, "a", 10)], second = [Line(3, "a", 100), Line(4, "a", 1000)];
        _ledger.Lose(first);
        _ledger.Lose(second);
        _ledger.Complete(Session("a", 3, 111));
        Assert.Equal([second[1]], _ledger.Resolve());
    }

    // If the account called whatever came out right, an acknowledged line that is lost would be made up for by handing out another one twice.
    [Theory]
    [InlineData(1, 100)]
    [InlineData(0, 0)]
    [InlineData(4, 650)]
    public void A_total_that_no_beginning_of_what_was_held_explains_is_no_exact_one(int hits, long bytes)
    {
        _ledger.Acknowledge("a"u8, 50, isError: false);
        _ledger.Lose([Line(10, "a", 100), Line(11, "a", 200)]);
        if (hits > 0)
            _ledger.Complete(Session("a", hits, bytes));
        Assert.Empty(_ledger.Resolve());
        Assert.Equal((1, false), (Report().DifferingKeys, Report().IsExact));
    }

    [Fact]
    public void Deliveries_of_a_session_agree_in_everything_but_their_tokens()
    {
        Deliveries deliveries = new();
        Assert.True(deliveries.IsFirst(Session("a", 1, 1)));
        Assert.False(deliveries.IsFirst(Session("a", 1, 1) with { FencingToken = 9, Attempt = 2 }));
        Assert.Equal((1, 0), (deliveries.Again, deliveries.Contradictions));
        Assert.False(deliveries.IsFirst(Session("a", 1, 1) with { FencingToken = 9 }));
        Assert.Equal(1, deliveries.Contradictions);
        Assert.False(deliveries.IsFirst(Session("a", 2, 1) with { FencingToken = 10 }));
        Assert.Equal(2, deliveries.Contradictions);
    }

    private LineReport Report() => _ledger.Report([], new Deliveries());

    private static HandedLine Line(long number, string key, long bytes) => new(number, Encoding.UTF8.GetBytes(key), [], bytes, IsError: false, 0, 0, 0);

    private static CompletedVisit Session(string key, long hits, long bytes) => new()
    {
        Key = key,
        Generation = 1,
        IdempotencyKey = $"visit/{key}@1",
        FencingToken = 2,
        Hits = hits,
        Bytes = bytes,
        Errors = 0,
        FirstSeen = default,
        LastSeen = default,
        LastPages = [],
        DistinctPages = 1,
        Reason = CompletionReason.Idle,
        Attempt = 1,
    };
}
