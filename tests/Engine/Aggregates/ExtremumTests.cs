using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>Prevents: an extremum that depends on the order of arrival, and one NaN that stays for ever.</summary>
public sealed class ExtremumTests
{
    // Ascending in the IEEE 754 total order.
    private static readonly double[] Ascending =
        [double.NegativeInfinity, double.MinValue, -1.5, -1, -double.Epsilon, -0.0, 0.0, double.Epsilon, 1, 1.5, double.MaxValue, double.PositiveInfinity];

    [Fact]
    public void Doubles_follow_the_total_order()
    {
        for (int low = 0; low < Ascending.Length; low++)
        {
            for (int high = low; high < Ascending.Length; high++)
            {
                foreach (double[] order in new double[][] { [Ascending[low], Ascending[high]], [Ascending[high], Ascending[low]] })
                {
                    Outer.EveryKind view = Fold(order.Select(static d => new Outer.EveryKind.Event { MaxDouble = d, MinDouble = d }));
                    Assert.Equal(Bits(Ascending[high]), Bits(view.MaxDouble!.Value));
                    Assert.Equal(Bits(Ascending[low]), Bits(view.MinDouble));
                }
            }
        }
    }

    [Fact]
    public void Bytes_compare_as_the_values_do()
    {
        byte[]? previous = null;
        foreach (double value in Ascending)
        {
            StateProbe<Outer.EveryKind.Event> state = Records.NewState();
            state.Merge(new() { MaxDouble = value });
            byte[] record = state.Write();
            Assert.True(previous is null || previous.AsSpan().SequenceCompareTo(record) < 0);
            previous = record;
        }
    }

    [Fact]
    public void NaN_is_refused_where_the_event_is_made()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { MaxDouble = double.NaN });
        Assert.Contains("'MaxDouble' is NaN", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { MinDouble = -double.NaN });
    }

    [Fact]
    public void Without_a_contribution_a_nullable_property_is_null_and_another_shows_its_default()
    {
        Visit visit = Visit.Definition.Fold("v", []);

        Assert.Equal(default, visit.LastSeen);
        Assert.Null(visit.FirstSeen);
    }

    [Fact]
    public void A_contributed_default_is_a_contribution()
    {
        Outer.EveryKind view = Fold([new() { MaxInt32 = 0, MinInt64 = 0, MaxTime = DateTimeOffset.MinValue, MaxSpan = TimeSpan.Zero }]);

        Assert.Equal(0, view.MaxInt32);
        Assert.Equal(0, view.MinInt64);
        Assert.Equal(DateTimeOffset.MinValue, view.MaxTime);
        Assert.Equal(TimeSpan.Zero, view.MaxSpan);
    }

    [Fact]
    public void Instants_are_compared_and_shown_without_their_offset()
    {
        DateTimeOffset earlier = new(2026, 3, 1, 14, 0, 0, TimeSpan.FromHours(3));
        DateTimeOffset later = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        Outer.EveryKind view = Fold([new() { MaxTime = earlier, MinTime = earlier }, new() { MaxTime = later, MinTime = later }]);

        Assert.Equal(later, view.MaxTime);
        Assert.Equal(earlier, view.MinTime);
        Assert.Equal(TimeSpan.Zero, view.MinTime!.Value.Offset);
    }

    private static Outer.EveryKind Fold(IEnumerable<Outer.EveryKind.Event> events)
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        foreach (Outer.EveryKind.Event e in events)
            state.Merge(e);
        return Records.View(state.Write());
    }

    private static long Bits(double value) => BitConverter.DoubleToInt64Bits(value);
}
