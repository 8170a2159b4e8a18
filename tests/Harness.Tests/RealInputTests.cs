using Xunit;

namespace Sluice.Harness.Tests;

public sealed class RealInputTests
{
    // A test on absent data must say so, neither fail nor pass.
    [Fact]
    public void A_data_set_that_is_not_there_gives_the_reason_to_skip()
    {
        Assert.Null(RealInput.Find("no-such-data-set.gz", out string absent));

        Assert.Contains("no-such-data-set.gz", absent, StringComparison.Ordinal);
    }

    [Fact]
    public void A_data_set_that_is_there_is_found()
    {
        string? path = RealInput.Find("apache_access.log.gz", out string absent);
        Assert.SkipWhen(path is null, absent.Length == 0 ? "absent without a reason" : absent);

        Assert.True(new FileInfo(path!).Length > 0);
    }
}
