using Sluice.Resp.Transport;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

public sealed class SpinPolicyTests
{
    // A connection whose answers take long must not burn a processor while it waits: the share of waits in vain must go to nothing.
    [Fact]
    public void Waits_in_vain_become_rare()
    {
        SpinPolicy policy = default;
        int spins = 0;
        for (int wait = 0; wait < 100_000; wait++)
        {
            if (!policy.ShouldSpin())
                continue;
            spins++;
            policy.Lost();
        }

        Assert.InRange(spins, 8, 400);
    }

    // The other side: one slow answer among fast ones must not put the fast ones to sleep.
    [Fact]
    public void Spinning_goes_on_while_it_pays_now_and_then()
    {
        SpinPolicy policy = default;
        for (int wait = 0; wait < 10_000; wait++)
        {
            Assert.True(policy.ShouldSpin());
            if (wait % 4 == 0)
                policy.Paid();
            else
                policy.Lost();
        }
    }
}
