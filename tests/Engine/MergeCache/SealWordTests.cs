using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The claim itself, under the contention that a hot key brings.</summary>
public sealed class SealWordTests
{
    private const int Contenders = 4;

    [Fact]
    public void Claim_has_one_holder_and_shows_it_what_the_last_one_wrote()
    {
        // A claim that is taken with a plain store after a look lets two in, once in millions: both merges read the same sum.
        const int each = 3_000_000;
        Shared shared = new();
        Threads threads = new();
        for (int i = 0; i < Contenders; i++)
        {
            threads.Work(() =>
            {
                for (int n = 0; n < each; n++)
                {
                    Assert.True(shared.Word.TryClaim());
                    shared.First++;
                    if (n % 10_000 == 0)
                        Thread.Yield();
                    shared.Second++;
                    shared.Word.Release();
                }
            });
        }

        threads.Run();
        Assert.Equal((Contenders * each, Contenders * each), (shared.First, shared.Second));
    }

    [Fact]
    public void Seal_is_final_and_turns_away_those_who_wait()
    {
        for (int round = 0; round < 500; round++)
        {
            Shared shared = new();
            Threads threads = new();
            Assert.True(shared.Word.TryClaim());
            int turnedAway = 0;
            for (int i = 0; i < 2; i++)
            {
                threads.Work(() =>
                {
                    if (!shared.Word.TryClaim())
                        Interlocked.Increment(ref turnedAway);
                });
            }

            threads.Work(() =>
            {
                shared.First = 1;
                shared.Word.Seal();
            }).Run();
            Assert.True(shared.Word.IsSealed);
            Assert.False(shared.Word.TryClaim());
            Assert.Equal((2, 1), (turnedAway, shared.First));
        }
    }

    private sealed class Shared
    {
        public SealWord Word;
        public int First;
        public int Second;
    }
}
