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
        shared.Word.Open();
        ulong life = shared.Word.Life;
        Threads threads = new();
        for (int i = 0; i < Contenders; i++)
        {
            threads.Work(() =>
            {
                for (int n = 0; n < each; n++)
                {
                    Assert.True(shared.Word.TryClaim(life));
                    shared.First++;
                    if (n % 10_000 == 0)
                        Thread.Yield();
                    shared.Second++;
                    shared.Word.Release(life);
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
            shared.Word.Open();
            ulong life = shared.Word.Life;
            Assert.True(shared.Word.TryClaim(life));
            int turnedAway = 0;
            for (int i = 0; i < 2; i++)
            {
                threads.Work(() =>
                {
                    if (!shared.Word.TryClaim(life))
                        Interlocked.Increment(ref turnedAway);
                });
            }

            threads.Work(() =>
            {
                shared.First = 1;
                shared.Word.Seal(life);
            }).Run();
            Assert.False(SealWord.IsLive(shared.Word.Life));
            Assert.False(shared.Word.TryClaim(life));
            Assert.Equal((2, 1), (turnedAway, shared.First));
        }
    }

    [Fact]
    public void Claim_of_a_life_that_is_over_is_refused_in_the_next_life_of_the_place()
    {
        // Otherwise a writer that found a session and slept would merge its event into the session of another key.
        SealWord word = default;
        Assert.False(SealWord.IsLive(word.Life));
        HashSet<ulong> lives = [];
        for (int n = 0; n < 1000; n++)
        {
            word.Open();
            ulong life = word.Life;
            Assert.True(SealWord.IsLive(life) && lives.Add(life));
            Assert.All(lives.Where(l => l != life).TakeLast(3), over => Assert.False(word.TryClaim(over)));
            Assert.True(word.TryClaim(life));
            Assert.Equal(life, word.Life);
            word.Seal(life);
            Assert.False(SealWord.IsLive(word.Life));
        }
    }

    private sealed class Shared
    {
        public SealWord Word;
        public int First;
        public int Second;
    }
}
