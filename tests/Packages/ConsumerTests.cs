using Sluice.Harness;
using Xunit;

namespace Sluice.Packages.Tests;

[Collection(PackedFixture.Once)]
public sealed class ConsumerTests(PackedFixture packed)
{
    /// <summary>What the linker's warnings name if they are about us or about the program: the framework has some of its own.</summary>
    private static readonly string[] Ours = [" Sluice.", " Program", " Visit", " Database"];

    // Inside this repository everything is a project reference, and nothing is trimmed: only a stranger's project shows that the package brings the generator too, and that the first
    // thing that he copies compiles without a warning, survives the linker, and does what the readme says.
    [Fact]
    public async Task The_readmes_example_compiles_without_a_warning_in_a_new_project_and_runs_trimmed_as_it_does_untrimmed()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder["Consumer.csproj"], Project(folder), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(folder["Program.cs"], ReadmeProgram(), TestContext.Current.CancellationToken);

        await DotnetCommand.RunAsync(["build", "-c", "Release", "-o", folder["out"], "-v", "quiet", "-nologo"], folder.Path);
        string output = await DotnetCommand.RunAsync(["exec", folder["out", "Consumer.dll"]], folder.Path);
        await TrimAsync(folder["out"], folder["trimmed"], folder.Path);
        string trimmed = await DotnetCommand.RunAsync(["exec", folder["trimmed", "Consumer.dll"]], folder.Path);

        Assert.Equal("10.1.2.3: 1 hits, last on /a, 1 pages", output.Trim());
        Assert.Equal(output, trimmed);
    }

    /// <summary>
    /// Trims the program and our packages as a trimmed publish does, and fails on a warning about them. A publish would need the runtime's own package, which a machine without a network need
    /// not have; the linker itself is there, because the analyzers of every build come with it. The shared framework stays as it is, and is what the trimmed program runs on.
    /// </summary>
    private static async Task TrimAsync(string from, string to, string workingDirectory)
    {
        string linker = Directory.GetFiles(Path.Combine(RestoredPackages, "microsoft.net.illink.tasks"), "illink.dll", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last();
        string framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string output = await DotnetCommand.RunAsync(
            [
                "exec", linker, "-a", Path.Combine(from, "Consumer.dll"), "entrypoint", "-d", from, "-d", framework, "-out", to,
                "--trim-mode", "copyused", "--action", "link", "--action", "link", "Sluice", "--action", "link", "Sluice.Resp", "--singlewarn-",
            ],
            workingDirectory);

        string[] warnings = [.. output.Split('\n').Where(static line => line.Contains(" warning IL", StringComparison.Ordinal) && Ours.Any(name => line.Contains(name, StringComparison.Ordinal)))];
        Assert.True(warnings.Length == 0, string.Join('\n', warnings));
        foreach (string assembly in new[] { "Sluice.dll", "Sluice.Resp.dll" })
            Assert.True(new FileInfo(Path.Combine(to, assembly)).Length < new FileInfo(Path.Combine(from, assembly)).Length, $"{assembly} was not trimmed.");

        // What the framework has, the program takes from there.
        foreach (string file in Directory.GetFiles(to, "*.dll").Where(file => File.Exists(Path.Combine(framework, Path.GetFileName(file)))))
            File.Delete(file);
        File.Copy(Path.Combine(from, "Consumer.runtimeconfig.json"), Path.Combine(to, "Consumer.runtimeconfig.json"));
    }

    /// <summary>The code under "In your code", as it stands there, with what it needs around it.</summary>
    private static string ReadmeProgram()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        int heading = readme.IndexOf("## In your code", StringComparison.Ordinal);
        int begin = readme.IndexOf("```csharp\n", heading, StringComparison.Ordinal) + "```csharp\n".Length;
        string code = readme[begin..readme.IndexOf("```", begin, StringComparison.Ordinal)];
        int end = code.IndexOf("\n}\n", StringComparison.Ordinal) + "\n}\n".Length;
        return $$"""
            using Sluice;

            DateTimeOffset now = DateTimeOffset.UnixEpoch;
            Database database = new();
            {{code[end..]}}
            {{code[..end]}}
            public sealed class Database
            {
                public ValueTask UpsertAsync(Visit visit, string idempotencyKey, CancellationToken lost)
                {
                    Console.WriteLine($"{visit.VisitorId}: {visit.Hits} hits, last on {visit.LastPages[0]}, {visit.Pages.Count} pages");
                    return ValueTask.CompletedTask;
                }
            }
            """;
    }

    // A message that only the generator's own tests can show helps nobody: this is what somebody sees who has the package and an editor.
    [Fact]
    public async Task A_new_project_with_wrong_declarations_is_told_what_to_change_and_where()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder["Consumer.csproj"], Project(folder), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(folder["Visit.cs"], WrongDeclarations, TestContext.Current.CancellationToken);

        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => DotnetCommand.RunAsync(["build", "-c", "Release", "-o", folder["out"], "-v", "quiet", "-nologo"], folder.Path));

        string[] messages = [.. failure.Message.Split('\n').Where(static line => line.Contains("error", StringComparison.Ordinal) && line.Contains("Visit.cs", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal)];
        Assert.Contains(messages, static line => line.Contains("Visit.cs(6,22): error SLUICE004: 'Visit' has no [Key] property, which would name its resources", StringComparison.Ordinal));
        Assert.Contains(messages, static line => line.Contains("Visit.cs(9,27): error SLUICE011: 'Hits' is of type 'string'; [Sum] takes long, int and decimal, whose sums are exact in any order, and double, whose sums are rounded", StringComparison.Ordinal));
        Assert.Contains(messages, static line => line.Contains("Visit.cs(11,6): error SLUICE012: 'LastPages': a window keeps 1 to 1000 contributions, not 0", StringComparison.Ordinal));
        Assert.Contains(messages, static line => line.Contains("Visit.cs(14,6): error SLUICE012: 'Revenue': a decimal needs the number of its decimal places, as in [Sum(Scale = 2)]; it is part of the stored form", StringComparison.Ordinal));
    }

    private const string WrongDeclarations =
        """
        using Sluice;

        public static class Program { public static void Main() { } }

        [Aggregate("visit")]
        public partial class Visit
        {
            [Sum]
            public partial string Hits { get; }

            [Window(0)]
            public partial WindowView<string> LastPages { get; }

            [Sum]
            public partial decimal Revenue { get; }
        }
        """;

    // The package comes from the folder it was just packed into, and is unpacked where no earlier build of the same version can be mistaken for
    // it; what it depends on was restored for this repository, so that the test needs no network.
    private string Project(TemporaryFolder folder) =>
        $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <Nullable>enable</Nullable>
            <ImplicitUsings>enable</ImplicitUsings>
            <UseAppHost>false</UseAppHost>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
            <IsTrimmable>true</IsTrimmable>
            <IsAotCompatible>true</IsAotCompatible>
            <NuGetAudit>false</NuGetAudit>
            <RestoreSources>{packed.Folder}</RestoreSources>
            <RestorePackagesPath>{folder["packages"]}</RestorePackagesPath>
            <RestoreFallbackFolders>{RestoredPackages}</RestoreFallbackFolders>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="Sluice" Version="*" />
          </ItemGroup>
        </Project>
        """;

    private static string RestoredPackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
}
