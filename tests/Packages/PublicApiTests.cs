using System.Reflection;
using Sluice.Packages.Tests.Listing;
using Xunit;

namespace Sluice.Packages.Tests;

public sealed class PublicApiTests
{
    // A public member that changes or vanishes breaks those who compiled against it; here it shows in the review of the change that does it.
    [Theory]
    [InlineData("Sluice")]
    [InlineData("Sluice.Resp")]
    [InlineData("Sluice.Hosting")]
    [InlineData("Sluice.Testing")]
    [InlineData("Sluice.Cli")]
    public void The_public_api_is_the_one_that_was_announced(string package)
    {
        string file = Path.Combine(Repository.Root, "tests", "Packages", "PublicApi", package + ".txt");
        string actual = PublicApiListing.Of(Assembly.Load(package));
        if (Environment.GetEnvironmentVariable("SLUICE_ACCEPT_API") is "1" && Environment.GetEnvironmentVariable("CI") is not "true")
            File.WriteAllText(file, actual);

        string announced = File.Exists(file) ? File.ReadAllText(file) : "";
        string[] gone = [.. announced.Split('\n').Except(actual.Split('\n'), StringComparer.Ordinal).Select(line => "- " + line)];
        string[] added = [.. actual.Split('\n').Except(announced.Split('\n'), StringComparer.Ordinal).Select(line => "+ " + line)];
        Assert.True(
            string.Equals(announced, actual, StringComparison.Ordinal),
            $"""
            The public API of {package} is not what tests/Packages/PublicApi/{package}.txt says:
            {string.Join('\n', gone.Concat(added))}
            If the change is meant, run `eng/accept-api`, commit the listing with the change, and say in CHANGELOG.md what users must do.
            """);
    }
}
